//! The two lives of the process: serving a file, and showing the demo.

use std::error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::control::{load, note_meaningless};
use super::environment::Environment;
use super::error::{RunError, StartError};
use super::file_work::FileWork;
use super::handoff::Inheritance;
use super::loaded::Loaded;
use super::reload::ReloadError;
use super::start::PreparedProcess;
use super::unlogged::{Beside, Failed, say_panics_in_lines};
use crate::config::{self, Problems};
use crate::demo;
use crate::process::{Signal, Signals};

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
        let inheritance = Inheritance::receive(&environment).await.map_err(RunError::Start)?;
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

/// Serves the demo until it is told to stop.
pub async fn run_demo(plain_port: u16, secure_port: u16, environment: Environment) -> Result<(), RunError> {
    let failed = |error: &dyn error::Error| RunError::Demo(error.to_string());
    let signals = Signals::listen().map_err(RunError::Signals)?;
    let files = FileWork::default();
    let certificate = demo::Certificate::create().map_err(|error| failed(&error))?;
    let (endpoints, commands) = demo::Endpoints::bind().await.map_err(|error| failed(&error))?;
    let layout = demo::Layout::new(plain_port, secure_port, &certificate, endpoints.addresses());
    let loaded = load_demo(&layout.config_text()).map_err(RunError::Config)?;
    let mut inheritance = Inheritance::default();
    let process =
        PreparedProcess::build(loaded, None, environment, &mut inheritance, files.clone()).map_err(busy_port)?;
    let mut control = process.begin(inheritance, signals, files).await?;
    tokio::spawn(endpoints.serve());
    let port = |listener: &str| control.running.address(listener).map_or(0, |address| address.port());
    print(&demo::banner(port("plain"), port("secure")));
    let mut steering = demo::Steering::new(commands, layout);
    loop {
        tokio::select! {
            signal = control.signals.next() => match signal {
                // A reload would change nothing, and so says a terminal that closes.
                Signal::Stop | Signal::Reload => return control.stop().await,
                Signal::Meaningless(signal) => note_meaningless(signal),
                Signal::Handoff => tracing::warn!("the demo does not hand over: its endpoints are part of it"),
            },
            Some(change) = steering.next() => {
                let text = change.config_text();
                match control.reload(async move { load_demo(&text) }).await {
                    Ok(_) => change.done(),
                    Err(ReloadError::Stopped) => return control.stop().await,
                    Err(error) => change.refused(&error.to_string()),
                }
            }
        }
    }
}

/// In the demo, a busy port is answered with how to choose another.
fn busy_port(error: RunError) -> RunError {
    match error {
        RunError::Start(StartError::Bind(errors)) => {
            let texts = errors.iter().map(|error| match error.error.kind() {
                io::ErrorKind::AddrInUse => {
                    demo::port_taken(&error.listener, error.bind.address().map_or(0, |address| address.port()))
                }
                _ => error.to_string(),
            });
            RunError::Demo(texts.collect::<Vec<_>>().join("\n"))
        }
        error => error,
    }
}

fn load_demo(text: &str) -> Result<Loaded, Problems> {
    config::parse(text, Path::new("demo.toml")).and_then(Loaded::read)
}

fn print(text: &str) {
    // Whoever has closed the pipe does not want to read on.
    let _ = writeln!(io::stdout().lock(), "{text}");
}
