//! The life of a process that serves a file.

use std::path::PathBuf;

use super::control::load;
use super::environment::Environment;
use super::error::RunError;
use super::file_work::FileWork;
use super::handoff::Inheritance;
use super::start::PreparedProcess;
use super::unlogged::{Beside, Failed, say_panics_in_lines};
use crate::process::Signals;

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
        let inheritance = Inheritance::receive(&environment).await?;
        let loaded = load(&files, file.clone()).await;
        Ok::<_, RunError>((inheritance, loaded))
    };
    let (mut inheritance, loaded) = tokio::select! {
        prepared = prepared => prepared?,
        // Nobody is served yet.
        () = signals.stop() => return Ok(()),
    };
    if let Ok(loaded) = &loaded {
        beside.note_format(loaded.settings().log.format);
    }
    let built = loaded.map_err(RunError::Config).and_then(|loaded| {
        PreparedProcess::build(loaded, Some(file.clone()), environment, &mut inheritance, files.clone())
    });
    let control = match built {
        Ok(process) => process.begin(inheritance, signals, files).await?,
        Err(error) => {
            inheritance.fail(&error).await;
            return Err(error);
        }
    };
    control.until_stopped(&file).await
}
