//! The life of a process that shows the demo: its endpoints and its page beside a proxy, steered by the page's buttons.

use std::io::{self, Write};
use std::path::Path;

use super::acme::Orders;
use super::config_source::ConfigSource;
use super::control::{Ended, Prepared};
use super::demo_steering::Served;
use super::discovery::Sources;
use super::environment::Environment;
use super::error::{DemoError, RunError, StartError};
use super::handoff::{Inheritance, InheritedSets};
use super::loaded::Loaded;
use super::start::PreparedProcess;
use crate::config::{self, Problems};
use crate::demo;
use crate::process::{FileWork, Signals};

/// Serves the demo until it is told to stop.
pub async fn run_demo(plain_port: u16, secure_port: u16, mut environment: Environment) -> Result<(), RunError> {
    let signals = Signals::listen_at_a_terminal().map_err(RunError::Signals)?;
    let files = FileWork::default();
    let certificate = demo::Certificate::create().map_err(DemoError::Certificate)?;
    let (endpoints, commands) = demo::DemoEndpoints::bind().await.map_err(DemoError::Endpoints)?;
    let layout = demo::Layout::new(plain_port, secure_port, &certificate, endpoints.addresses());
    let admin = layout.admin.clone();
    let served = Served::new(certificate.folder().join("demo.toml"), admin.clone());
    let text = layout.config_text();
    served.write(&text).map_err(DemoError::Endpoints)?;
    let loaded = load(&text)?;
    let mut inheritance = Inheritance::default();
    // Whoever takes over has no endpoints of its own: it serves the file, and these.
    environment.program = environment.program.serving(served.file());
    let file = Some(served.file().to_owned());
    let process =
        PreparedProcess::build(loaded, file, environment, &mut inheritance, files.clone()).map_err(busy_ports)?;
    let nothing = (Sources::new(None, InheritedSets::default()), Orders::new(None));
    let mut later = Signals::listen_at_a_terminal().map_err(RunError::Signals)?;
    let control = process.begin(inheritance, signals, files, nothing, Prepared::default()).await?;
    tokio::spawn(endpoints.serve());
    let port = |listener: &str| control.running.address(listener).map_or(0, |address| address.port());
    print(&demo::banner(port("plain"), port("secure"), &admin));
    tokio::spawn(served.clone().steer(demo::Steering::new(commands, layout)));
    match control.until_stopped(&ConfigSource::File(served.file().to_owned())).await? {
        Ended::Stopped => {}
        Ended::HandedOver => served.host(&mut later).await,
        Ended::StoppedAfterHandoff => {
            // This one, too, has heard of the stop.
            later.stop().await;
            served.stop(&mut later).await;
        }
    }
    Ok(())
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
