//! The life of a process that serves a file.

use std::mem::take;
use std::path::PathBuf;

use super::acme::Orders;
use super::control::{load, prepare};
use super::discovery::Sources;
use super::environment::Environment;
use super::error::RunError;
use super::handoff::Inheritance;
use super::start::PreparedProcess;
use super::unlogged::{Beside, Failed, say_panics_in_lines};
use crate::process::{FileWork, Signals};

/// Serves the configuration of a file until it is told to stop.
pub async fn run(file: PathBuf, environment: Environment) -> Result<(), Failed> {
    let mut beside = Beside::of(&environment);
    say_panics_in_lines(beside);
    serve(file, environment, &mut beside).await.map_err(|error| Failed { error, beside })
}

async fn serve(file: PathBuf, environment: Environment, beside: &mut Beside) -> Result<(), RunError> {
    // Whoever asks for the status may stand in another folder.
    let file = std::path::absolute(&file).unwrap_or(file);
    // Before anything else: whatever is signalled from now on is not lost, and does not end a process that only begins.
    let mut signals = Signals::listen().map_err(RunError::Signals)?;
    let files = FileWork::default();
    let prepared = async {
        let mut inheritance = Inheritance::receive(&environment).await?;
        let sources = Sources::new(environment.state_directory.clone(), take(&mut inheritance.endpoint_sets));
        let orders = Orders::new(environment.state_directory.clone());
        let loaded = prepare((&sources, &orders), load(&files, file.clone())).await;
        Ok::<_, RunError>((inheritance, loaded, (sources, orders)))
    };
    let (mut inheritance, loaded, (sources, orders)) = tokio::select! {
        prepared = prepared => prepared?,
        // Nobody is served yet.
        () = signals.stop() => return Ok(()),
    };
    if let Ok((loaded, _)) = &loaded {
        beside.note_format(loaded.settings().log.format);
    }
    let built = loaded.map_err(RunError::Config).and_then(|(loaded, prepared)| {
        let built = PreparedProcess::build(loaded, Some(file.clone()), environment, &mut inheritance, files.clone());
        Ok((built?, prepared))
    });
    let control = match built {
        Ok((process, prepared)) => process.begin(inheritance, signals, files, (sources, orders), prepared).await?,
        Err(error) => {
            inheritance.fail(&error).await;
            return Err(error);
        }
    };
    control.until_stopped(&file).await
}
