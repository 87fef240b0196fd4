//! The life of the process: signals in, news to systemd out.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::{error, fmt};

use super::environment::Environment;
use super::inherited::InheritedSockets;
use super::logging::{LogError, LogHandle, init_logging};
use super::reload::{self, Loaded, ReloadError, Reloaded};
use super::running::{Running, StartError};
use crate::config::{self, Problems, Settings};
use crate::demo;
use crate::process::{Notifier, Signal, Signals, activated};

/// Why the process ends with a failure.
#[derive(Debug)]
pub enum RunError {
    /// The configuration is wrong.
    Config(Problems),
    /// The environment is wrong.
    Log(LogError),
    /// It could not start.
    Start(StartError),
    /// The demo could not start.
    Demo(String),
    /// The system refuses a signal handler.
    Signals(io::Error),
}

/// Serves the configuration of a file until it is told to stop.
pub async fn run(file: PathBuf, environment: Environment) -> Result<(), RunError> {
    let settings = config::load(&file).map_err(RunError::Config)?;
    let life = Life::start(settings, environment)?;
    life.until_stopped(|| load(file.clone())).await
}

/// Serves the demo until it is told to stop.
pub async fn run_demo(plain_port: u16, secure_port: u16, environment: Environment) -> Result<(), RunError> {
    let failed = |error: &dyn error::Error| RunError::Demo(error.to_string());
    let certificate = demo::Certificate::create().map_err(|error| failed(&error))?;
    let (endpoints, commands) = demo::Endpoints::bind().await.map_err(|error| failed(&error))?;
    let layout = demo::Layout::new(plain_port, secure_port, &certificate, endpoints.addresses());
    let settings = demo_settings(&layout.config_text()).map_err(RunError::Config)?;
    let mut life = Life::start(settings, environment).map_err(busy_port)?;
    tokio::spawn(endpoints.serve());
    let port = |listener: &str| life.running.address(listener).map_or(0, |address| address.port());
    print(&demo::banner(port("plain"), port("secure")));
    let mut steering = demo::Steering::new(commands, layout);
    loop {
        tokio::select! {
            signal = life.signals.next() => match signal {
                Signal::Stop => return life.stop().await,
                Signal::Reload => {
                    let text = steering.layout().config_text();
                    // It was good when it was published, and is the same still.
                    let _ = life.reload(async move { demo_settings(&text).and_then(Loaded::read) }).await;
                }
            },
            Some(change) = steering.next() => {
                let text = change.config_text();
                match life.reload(async move { demo_settings(&text).and_then(Loaded::read) }).await {
                    Ok(()) => change.done(),
                    Err(error) => change.refused(&error.to_string()),
                }
            }
        }
    }
}

/// A process that serves, and what steers it.
struct Life {
    running: Running,
    signals: Signals,
    notifier: Notifier,
    log: LogHandle,
}

impl Life {
    fn start(settings: Settings, environment: Environment) -> Result<Self, RunError> {
        let log = init_logging(&settings.log, environment.rust_log).map_err(RunError::Log)?;
        // Before anything listens: a signal that comes from now on is not lost.
        let signals = Signals::listen().map_err(RunError::Signals)?;
        let notifier = Notifier::from_socket(environment.notify_socket);
        let passed = activated(&environment.activation, std::process::id())
            .map_err(|error| RunError::Start(StartError::Activation(error)))?;
        let running = Running::start_with(settings, InheritedSockets::activated(passed)).map_err(RunError::Start)?;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), workers = running.proxy().workers.count(), "ready");
        notifier.ready("serving");
        Ok(Self { running, signals, notifier, log })
    }

    async fn until_stopped<L>(mut self, load: impl Fn() -> L) -> Result<(), RunError>
    where
        L: Future<Output = Result<Loaded, Problems>>,
    {
        loop {
            match self.signals.next().await {
                Signal::Stop => return self.stop().await,
                Signal::Reload => {
                    // Refusals are in the log and in the status; there is nobody else to tell.
                    let _ = self.reload(load()).await;
                }
            }
        }
    }

    /// Reloads, and tells systemd: READY follows RELOADING also where the new configuration was refused.
    async fn reload(&mut self, load: impl Future<Output = Result<Loaded, Problems>>) -> Result<(), ReloadError> {
        self.notifier.reloading();
        let reloaded = match load.await {
            Ok(loaded) => self.running.reload(loaded),
            Err(problems) => Err(problems.into()),
        };
        reload::log(&reloaded, self.running.proxy());
        match &reloaded {
            Ok(Reloaded { generation, .. }) => {
                self.log.apply(&self.running.proxy().snapshot().settings.log);
                self.notifier.ready(&format!("serving generation {generation}"));
            }
            Err(error) => {
                let first = error.to_string().lines().next().unwrap_or_default().to_owned();
                self.notifier.ready(&format!("reload refused, still serving the old configuration: {first}"));
            }
        }
        reloaded.map(|_| ())
    }

    /// Ends politely; a second signal ends at once.
    async fn stop(mut self) -> Result<(), RunError> {
        tracing::info!(open = self.running.proxy().registry.len(), "stopping; a second signal ends at once");
        self.notifier.stopping("draining");
        tokio::select! {
            stopped = self.running.stop() => {
                tracing::info!(
                    tunnels = stopped.tunnels.tunnels,
                    cut = stopped.tunnels.cut,
                    sessions_cut = stopped.sessions_cut,
                    "stopped"
                );
            }
            () = second_stop(&mut self.signals) => {
                tracing::warn!(cut = self.running.proxy().registry.len(), "second signal: ending at once");
            }
        }
        self.running.end();
        Ok(())
    }
}

async fn second_stop(signals: &mut Signals) {
    while signals.next().await != Signal::Stop {}
}

/// Reads the file and the certificates on a thread of their own: sessions go on being accepted meanwhile.
async fn load(file: PathBuf) -> Result<Loaded, Problems> {
    let path = file.clone();
    #[expect(clippy::disallowed_methods, reason = "this is the control thread's runtime, not a worker's")]
    let loaded = tokio::task::spawn_blocking(move || config::load(&path).and_then(Loaded::read)).await;
    loaded.unwrap_or_else(|panic| {
        Err(config::Problem::of_file(&file, format!("cannot be read: {panic}"), "please report this").into())
    })
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

fn demo_settings(text: &str) -> Result<Settings, Problems> {
    config::parse(text, Path::new("demo.toml"))
}

#[expect(clippy::print_stdout, reason = "the demo talks to the person who started it")]
fn print(text: &str) {
    println!("{text}");
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => problems.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Demo(error) => f.write_str(error),
            Self::Signals(error) => write!(f, "cannot listen for signals: {error}"),
        }
    }
}

impl error::Error for RunError {}
