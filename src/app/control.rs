//! Who decides what the process does next: signals and commands come in here, one after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::admin_listener::AdminListener;
use super::file_work::FileWork;
use super::handoff::HandoffError;
use super::logging::Log;
use super::operator::{Begun, DrainError};
use super::plan::Plan;
use super::reload::{self, Loaded, ReloadError, Reloaded};
use super::run::RunError;
use super::running::Running;
use super::watch::Watch;
use crate::admin::{
    Command, DrainAnswer, Failed, HandoffAnswer, Notes, PlanAnswer, PlannedTunnels, ReloadAnswer, Reply, UndrainAnswer,
};
use crate::config::{self, Problems};
use crate::drain::{EndpointTarget, Overrides, Target};
use crate::metrics::ReloadResult;
use crate::process::{Notifier, Program, Signal, Signals};

/// A process that serves, and what steers it.
pub(super) struct Control {
    pub(super) running: Running,
    pub(super) signals: Signals,
    pub(super) notifier: Arc<Notifier>,
    pub(super) log: Log,
    pub(super) program: Program,
    pub(super) admin: AdminListener,
    pub(super) notes: Arc<Notes>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) watch: Watch,
    /// Where files are read.
    pub(super) files: FileWork,
    /// Commands that came while another was carried out, and were looked at already.
    pub(super) waiting: VecDeque<Command>,
    /// What gives systemd its signs of life.
    pub(super) _watchdog: JoinSet<()>,
}

/// What happens next.
enum Event {
    Stop,
    Reload(Vec<Reply<ReloadAnswer>>),
    HandOff(Option<Reply<HandoffAnswer>>),
    Plan(PathBuf, Reply<PlanAnswer>),
    Drain(Target, Overrides, Reply<DrainAnswer>),
    Undrain(EndpointTarget, Reply<UndrainAnswer>),
    Meaningless(&'static str),
}

impl From<Signal> for Event {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Stop => Self::Stop,
            Signal::Reload => Self::Reload(Vec::new()),
            Signal::Handoff => Self::HandOff(None),
            Signal::Meaningless(signal) => Self::Meaningless(signal),
        }
    }
}

impl From<Command> for Event {
    fn from(command: Command) -> Self {
        match command {
            Command::Reload(reply) => Self::Reload(vec![reply]),
            Command::HandOff(reply) => Self::HandOff(Some(reply)),
            Command::Plan(file, reply) => Self::Plan(file, reply),
            Command::Drain(target, overrides, reply) => Self::Drain(target, overrides, reply),
            Command::Undrain(target, reply) => Self::Undrain(target, reply),
        }
    }
}

impl Control {
    /// Does what comes, until it is a stop or another process has taken over.
    pub(super) async fn until_stopped(mut self, file: &Path) -> Result<(), RunError> {
        self.follow(file);
        loop {
            match self.next().await {
                Event::Stop => return self.stop().await,
                Event::Reload(asked) => {
                    if self.reload_for(file, asked).await.is_break() {
                        return self.stop().await;
                    }
                }
                Event::HandOff(asked) => match self.hand_off(asked).await {
                    Ok(successor) => return self.retire(successor).await,
                    Err(HandoffError::Stopped) => return self.stop().await,
                    // The log has it, and whoever has asked.
                    Err(_) => {}
                },
                Event::Plan(file, reply) => {
                    let files = self.files.clone();
                    let Some(loaded) = self.unless_stopped(load(&files, file)).await else {
                        // Unanswered, it says that this process stops; and that must be said before it has.
                        drop(reply);
                        return self.stop().await;
                    };
                    let planned = loaded.map(|loaded| answer(&self.running.plan(loaded)));
                    // Whoever asked may have left; so below.
                    let _ = reply.send(planned.map_err(|problems| Failed::Config(problems.to_string())));
                }
                Event::Drain(target, overrides, reply) => {
                    let _ = reply.send(self.drain(&target, &overrides));
                }
                Event::Undrain(target, reply) => {
                    let _ = reply.send(self.undrain(&target));
                }
                Event::Meaningless(signal) => note_meaningless(signal),
            }
        }
    }

    fn follow(&mut self, file: &Path) {
        self.watch.follow(file, &self.running.proxy().snapshot().settings);
    }

    async fn next(&mut self) -> Event {
        if let Some(command) = self.waiting.pop_front() {
            return command.into();
        }
        tokio::select! {
            biased;
            signal = self.signals.next() => signal.into(),
            Some(command) = self.commands.recv() => command.into(),
            () = self.watch.changed() => Event::Reload(Vec::new()),
        }
    }

    /// What comes of some work; `None` where a stop comes first.
    async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.signals.stop() => None,
            done = work => Some(done),
        }
    }

    /// Reads the file and reloads, once for everybody who has asked for it by now. Breaks off where a stop comes first.
    async fn reload_for(&mut self, file: &Path, mut asked: Vec<Reply<ReloadAnswer>>) -> ControlFlow<()> {
        self.signals.forget_reload();
        while let Ok(command) = self.commands.try_recv() {
            self.waiting.push_back(command);
        }
        for command in std::mem::take(&mut self.waiting) {
            match command {
                Command::Reload(reply) => asked.push(reply),
                other => self.waiting.push_back(other),
            }
        }
        let files = self.files.clone();
        let answer = match self.reload(load(&files, file.to_owned())).await {
            Ok(Reloaded { diff, renames, draining, generation }) => {
                let changes = diff.changes.iter().map(ToString::to_string).collect();
                let renames = renames.iter().map(ToString::to_string).collect();
                Ok(ReloadAnswer { config: file.to_owned(), generation, changes, renames, draining })
            }
            Err(ReloadError::Stopped) => return ControlFlow::Break(()),
            Err(error @ ReloadError::Config(_)) => Err(Failed::Config(error.to_string())),
            Err(error) => Err(Failed::Refused(error.to_string())),
        };
        self.follow(file);
        for reply in asked {
            let _ = reply.send(answer.clone());
        }
        ControlFlow::Continue(())
    }

    /// Reloads, and tells systemd: READY follows RELOADING also where the new configuration was refused. Where a stop comes
    /// first it is for the caller to stop.
    pub(super) async fn reload(
        &mut self,
        load: impl Future<Output = Result<Loaded, Problems>>,
    ) -> Result<Reloaded, ReloadError> {
        tracing::info!("a reload begins");
        self.notifier.reloading();
        let reloaded = match self.unless_stopped(load).await {
            Some(Ok(loaded)) => self.take(loaded),
            Some(Err(problems)) => Err(problems.into()),
            None => return Err(ReloadError::Stopped),
        };
        reload::log(&reloaded, self.running.proxy());
        match &reloaded {
            Ok(Reloaded { generation, .. }) => {
                self.log.apply(&self.running.proxy().snapshot().settings.log);
                self.notes.note_refusal(None);
                self.notifier.ready(&format!("serving generation {generation}"));
            }
            Err(error) => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default().to_owned();
                self.notes.note_refusal(Some(text));
                self.notifier.ready(&format!("reload refused, still serving the old configuration: {first}"));
            }
        }
        self.running.proxy().metrics.reloaded(match &reloaded {
            Ok(reloaded) if reloaded.diff.is_empty() => ReloadResult::Unchanged,
            Ok(_) => ReloadResult::Changed,
            Err(_) => ReloadResult::Refused,
        });
        reloaded
    }

    fn take(&mut self, mut loaded: Loaded) -> Result<Reloaded, ReloadError> {
        self.watch.note_read(loaded.take_prints());
        let admin = self.admin.prepare(&loaded.settings().admin).map_err(ReloadError::Admin)?;
        let reloaded = self.running.reload(loaded)?;
        self.admin.open(admin);
        self.notes.note_listeners(self.running.addresses());
        Ok(reloaded)
    }

    fn drain(&mut self, target: &Target, overrides: &Overrides) -> Result<DrainAnswer, Failed> {
        let Begun { id, tunnels, over, deadline, raised_to } =
            self.running.drain(target, overrides).map_err(|error| match error {
                DrainError::Unknown(_) => Failed::Unknown(error.to_string()),
                DrainError::Policy(_) => Failed::Nonsense(error.to_string()),
            })?;
        tracing::info!(scope = %target, tunnels, "an operator drains");
        Ok(DrainAnswer {
            id,
            scope: target.to_string(),
            tunnels,
            over_seconds: over.as_secs_f64(),
            deadline_seconds: deadline.as_secs_f64(),
            raised_to_per_second: raised_to,
        })
    }

    fn undrain(&mut self, target: &EndpointTarget) -> Result<UndrainAnswer, Failed> {
        let unknown =
            || Failed::Unknown(format!("there is no endpoint {target}: `windlass status` names what there is"));
        let was_draining = self.running.undrain(target).ok_or_else(unknown)?;
        tracing::info!(endpoint = %target, was_draining, "an operator takes a drain back");
        Ok(UndrainAnswer { endpoint: target.to_string(), was_draining })
    }
}

fn answer(plan: &Plan) -> PlanAnswer {
    let losing = plan.losing.iter().map(|((route, upstream, endpoint), tunnels)| PlannedTunnels {
        route: route.to_string(),
        endpoint: format!("{upstream}/{endpoint}"),
        tunnels: *tunnels,
    });
    PlanAnswer {
        changes: plan.diff.changes.iter().map(ToString::to_string).collect(),
        renames: plan.renames.iter().map(ToString::to_string).collect(),
        losing: losing.collect(),
        closing: plan.closing(),
        staying: plan.staying,
        kept: plan.losing() - plan.closing(),
        over_seconds: plan.pace.duration().as_secs_f64(),
        deadline_seconds: plan.policy.window.deadline.as_secs_f64(),
        raised_to_per_second: plan.pace.raised_to(),
    }
}

/// Reads the file and the certificates on a thread of their own.
pub(super) async fn load(files: &FileWork, file: PathBuf) -> Result<Loaded, Problems> {
    let path = file.clone();
    let read = match files.begin(move || Loaded::read_file(&path)) {
        Ok(mut reading) => reading.done().await,
        Err(held) => Err(held),
    };
    read.unwrap_or_else(|held| Err(config::Problem::of_file(&file, held.to_string(), held.hint()).into()))
}

/// A signal that means nothing here, but perhaps where its sender comes from.
pub(super) fn note_meaningless(signal: &'static str) {
    tracing::warn!(
        signal,
        "this signal means nothing here: the log goes to standard error, there is no file to reopen"
    );
}
