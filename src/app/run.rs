//! The life of the process: signals in, news to systemd out.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{error, fmt};

use tokio::task::JoinSet;

use super::environment::Environment;
use super::handoff::{HandoffError, Successor};
use super::heritage::Heritage;
use super::logging::{LogError, LogHandle, init_logging};
use super::reload::{self, Loaded, ReloadError, Reloaded};
use super::running::{Built, Running, StartError};
use super::watchdog::feed;
use crate::config::{self, Problems, Settings};
use crate::demo;
use crate::process::{Notifier, Program, Signal, Signals};

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
    let mut heritage = Heritage::receive(&environment).await.map_err(RunError::Start)?;
    let built = config::load(&file)
        .map_err(RunError::Config)
        .and_then(|settings| Life::build(settings, environment, &mut heritage));
    let life = match built {
        Ok(life) => life.begin(heritage).await?,
        Err(error) => {
            heritage.fail(&error).await;
            return Err(error);
        }
    };
    life.until_stopped(|| load(file.clone())).await
}

/// Serves the demo until it is told to stop.
pub async fn run_demo(plain_port: u16, secure_port: u16, environment: Environment) -> Result<(), RunError> {
    let failed = |error: &dyn error::Error| RunError::Demo(error.to_string());
    let certificate = demo::Certificate::create().map_err(|error| failed(&error))?;
    let (endpoints, commands) = demo::Endpoints::bind().await.map_err(|error| failed(&error))?;
    let layout = demo::Layout::new(plain_port, secure_port, &certificate, endpoints.addresses());
    let settings = demo_settings(&layout.config_text()).map_err(RunError::Config)?;
    let mut heritage = Heritage::default();
    let life = Life::build(settings, environment, &mut heritage).map_err(busy_port)?;
    let mut life = life.begin(heritage).await?;
    tokio::spawn(endpoints.serve());
    let port = |listener: &str| life.running.address(listener).map_or(0, |address| address.port());
    print(&demo::banner(port("plain"), port("secure")));
    let mut steering = demo::Steering::new(commands, layout);
    loop {
        tokio::select! {
            signal = life.signals.next() => match signal {
                Signal::Stop => return life.stop().await,
                Signal::Handoff => tracing::warn!("the demo does not hand over: its endpoints are part of it"),
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
    notifier: Arc<Notifier>,
    log: LogHandle,
    program: Program,
    /// What gives systemd its signs of life.
    _watchdog: JoinSet<()>,
}

/// A process that only waits for the word to serve.
struct Unborn {
    built: Built,
    signals: Signals,
    notifier: Arc<Notifier>,
    log: LogHandle,
    environment: Environment,
}

impl Unborn {
    /// Serves from now on, or from when the process before lets go.
    async fn begin(self, mut heritage: Heritage) -> Result<Life, RunError> {
        let Self { built, signals, notifier, log, environment } = self;
        heritage.take_over().await.map_err(RunError::Start)?;
        let mut running = built.open().map_err(|error| RunError::Start(error.into()))?;
        running.predecessors = heritage.say_serving().await;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), workers = running.proxy().workers.count(), "ready");
        notifier.ready("serving");
        let mut watchdog = JoinSet::new();
        if let Some(every) = environment.watchdog.feed_every(std::process::id()) {
            watchdog.spawn(feed(Arc::clone(&notifier), Arc::clone(running.proxy()), every));
        }
        Ok(Life { running, signals, notifier, log, program: environment.program, _watchdog: watchdog })
    }
}

impl Life {
    fn build(settings: Settings, mut environment: Environment, heritage: &mut Heritage) -> Result<Unborn, RunError> {
        let log = init_logging(&settings.log, environment.rust_log.take()).map_err(RunError::Log)?;
        // Before anything listens: a signal that comes from now on is not lost.
        let signals = Signals::listen().map_err(RunError::Signals)?;
        let notifier = Arc::new(Notifier::from_socket(environment.notify_socket.take()));
        let built = Running::build(settings, heritage).map_err(RunError::Start)?;
        Ok(Unborn { built, signals, notifier, log, environment })
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
                Signal::Handoff => match self.hand_off().await {
                    Ok(successor) => return self.retire(successor).await,
                    Err(HandoffError::Stopped) => return self.stop().await,
                    // The log has it; there is nobody else to tell.
                    Err(_) => {}
                },
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

    /// Hands over to a new process; on failure this one serves on, and the log says why. A stop ends the attempt.
    async fn hand_off(&mut self) -> Result<Successor, HandoffError> {
        let outcome = tokio::select! {
            outcome = self.running.hand_off(&self.program, &self.notifier) => outcome,
            () = second_stop(&mut self.signals) => Err(HandoffError::Stopped),
        };
        if let Err(error) = &outcome {
            tracing::error!("no handoff: {error}");
        }
        outcome
    }

    /// Another process serves: drains at leisure, and in a hurry once it is told to stop.
    async fn retire(mut self, successor: Successor) -> Result<(), RunError> {
        let pid = successor.process.pid();
        tracing::info!(successor = pid, open = self.running.proxy().registry.len(), "handed over; draining");
        let is_stopped = tokio::select! {
            () = self.running.retire(successor) => false,
            () = stop_of_predecessor(&mut self.signals, pid) => true,
        };
        if is_stopped {
            return self.stop().await;
        }
        tracing::info!("everything that was here has ended");
        self.running.end();
        Ok(())
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

/// Waits for a stop; everything else is the new process's business now.
async fn stop_of_predecessor(signals: &mut Signals, successor: u32) {
    loop {
        match signals.next().await {
            Signal::Stop => return,
            Signal::Reload | Signal::Handoff => {
                tracing::warn!(successor, "this process has handed over and only drains: signal the new one");
            }
        }
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
