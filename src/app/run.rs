//! The life of a process that serves a configuration.

use std::mem::take;
use std::path::Path;

use super::acme::Orders;
use super::config_source::ConfigSource;
use super::control::{load, prepare};
use super::discovery::Sources;
use super::environment::Environment;
use super::error::RunError;
use super::handoff::Inheritance;
use super::page_address::invitation;
use super::start::PreparedProcess;
use super::unlogged::{Beside, Failed, say_panics_in_lines};
use crate::process::{FileWork, Signals};

/// Serves a configuration until it is told to stop.
pub async fn run(source: ConfigSource, environment: Environment) -> Result<(), Failed> {
    let mut beside = Beside::of(&environment);
    say_panics_in_lines(beside);
    serve(source, environment, &mut beside).await.map_err(|error| Failed { error, beside })
}

async fn serve(source: ConfigSource, environment: Environment, beside: &mut Beside) -> Result<(), RunError> {
    // Whoever asks for the status may stand in another folder.
    let source = source.absolute();
    let is_first = environment.handoff_fd.is_none();
    // Before anything else: whatever is signalled from now on is not lost, and does not end a process that only begins.
    let mut signals = Signals::listen().map_err(RunError::Signals)?;
    let files = FileWork::default();
    let prepared = async {
        let mut inheritance = Inheritance::receive(&environment).await?;
        let sources = Sources::new(environment.state_directory.clone(), take(&mut inheritance.endpoint_sets));
        let orders = Orders::new(environment.state_directory.clone());
        let loaded = prepare((&sources, &orders), load(&files, source.clone())).await;
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
        let file = source.file().map(Path::to_owned);
        let built = PreparedProcess::build(loaded, file, environment, &mut inheritance, files.clone());
        Ok((built?, prepared))
    });
    let control = match built {
        Ok((process, prepared)) => process.begin(inheritance, signals, files, (sources, orders), prepared).await?,
        Err(error) => {
            inheritance.fail(&error).await;
            return Err(error);
        }
    };
    if is_first && control.log.is_read_at_a_terminal() {
        let settings = &control.running.proxy().snapshot().settings;
        tracing::info!("{}", invitation(settings, &control.running.addresses()));
    }
    control.until_stopped(&source).await.map(drop)
}
