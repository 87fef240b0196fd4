//! The life of a process that shows the demo: its endpoints and its page beside a proxy, reloaded from the page's buttons.

use std::io::{self, Write};
use std::path::Path;

use super::acme::Orders;
use super::control::{Prepared, note_meaningless};
use super::discovery::Sources;
use super::environment::Environment;
use super::error::{DemoError, RunError, StartError};
use super::handoff::{Inheritance, InheritedSets};
use super::loaded::Loaded;
use super::reload::ReloadError;
use super::start::PreparedProcess;
use crate::config::{self, Problems};
use crate::demo;
use crate::process::{FileWork, Signal, Signals};

/// Serves the demo until it is told to stop.
pub async fn run_demo(plain_port: u16, secure_port: u16, environment: Environment) -> Result<(), RunError> {
    let signals = Signals::listen().map_err(RunError::Signals)?;
    let files = FileWork::default();
    let certificate = demo::Certificate::create().map_err(DemoError::Certificate)?;
    let (endpoints, commands) = demo::DemoEndpoints::bind().await.map_err(DemoError::Endpoints)?;
    let layout = demo::Layout::new(plain_port, secure_port, &certificate, endpoints.addresses());
    let admin = layout.admin.clone();
    let loaded = load(&layout.config_text())?;
    let mut inheritance = Inheritance::default();
    let process =
        PreparedProcess::build(loaded, None, environment, &mut inheritance, files.clone()).map_err(busy_ports)?;
    let nothing = (Sources::new(None, InheritedSets::default()), Orders::new(None));
    let mut control = process.begin(inheritance, signals, files, nothing, Prepared::default()).await?;
    tokio::spawn(endpoints.serve());
    let port = |listener: &str| control.running.address(listener).map_or(0, |address| address.port());
    print(&demo::banner(port("plain"), port("secure"), &admin));
    let mut steering = demo::Steering::new(commands, layout);
    loop {
        tokio::select! {
            signal = control.signals.next() => match signal {
                // A reload would change nothing, and so says a terminal that closes.
                Signal::Stop | Signal::Reload => return control.stop().await,
                Signal::ReopenLog => control.log.reopen(),
                Signal::Meaningless(signal) => note_meaningless(signal),
                Signal::Handoff => tracing::warn!("the demo does not hand over: its endpoints are part of it"),
            },
            Some(change) = steering.next() => {
                let text = change.config_text();
                match control.reload(async move { load(&text) }).await {
                    Ok(_) => change.done(),
                    Err(ReloadError::Stopped) => return control.stop().await,
                    Err(error) => change.refused(&error.to_string()),
                }
            }
        }
    }
}

/// In the demo, a busy port is answered with how to choose another.
fn busy_ports(error: RunError) -> RunError {
    match error {
        RunError::Start(StartError::Bind(errors)) => DemoError::Ports(errors).into(),
        error => error,
    }
}

fn load(text: &str) -> Result<Loaded, Problems> {
    config::parse(text, Path::new("demo.toml")).and_then(Loaded::read)
}

fn print(text: &str) {
    // Whoever has closed the pipe does not want to read on.
    let _ = writeln!(io::stdout().lock(), "{text}");
}
