//! Who decides what the process does next: signals and commands come in here, one after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::acme::{Orders, PreparedOrders};
use super::admin_listener::AdminListeners;
use super::config_source::ConfigSource;
use super::discovery::{PreparedSources, Sources};
use super::error::RunError;
use super::handoff::{HandoffError, MovedOut, Successor};
use super::loaded::Loaded;
use super::logging::Log;
use super::reload::{self, ReloadError, Reloaded};
use super::running::Running;
use super::step::Step;
use super::watch::Watch;
use crate::admin::{AdminCommand, CommandError, HandoffAnswer, Notes, ReloadAnswer, ReloadOutcome, Reply};
use crate::config::{self, Problems};
use crate::handoff::Program;
use crate::metrics::ReloadResult;
use crate::process::{FileWork, Notifier, Signal, Signals, unix_seconds};
use crate::session::Phase;

/// A process that serves, and what steers it.
pub(super) struct Control {
    pub(super) running: Running,
    pub(super) signals: Signals,
    pub(super) notifier: Arc<Notifier>,
    pub(super) log: Log,
    pub(super) program: Program,
    pub(super) admin: AdminListeners,
    pub(super) notes: Arc<Notes>,
    pub(super) commands: mpsc::Receiver<AdminCommand>,
    pub(super) watch: Watch,
    /// Who is asked for endpoints.
    pub(super) sources: Sources,
    /// Whose certificates are ordered.
    pub(super) orders: Orders,
    /// Where files are read.
    pub(super) files: FileWork,
    /// Commands that came while another was carried out, and were looked at already.
    pub(super) waiting: VecDeque<AdminCommand>,
    /// What was done here, and is asked of other processes.
    pub(super) errands: JoinSet<()>,
    /// What gives systemd its signs of life, and waits for orphans as process 1.
    pub(super) _duties: JoinSet<()>,
}

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was told to.
    Stopped,
    /// Another one serves in its place.
    HandedOver,
    /// Another one serves in its place; this one was told to stop before all that was here had ended.
    StoppedAfterHandoff,
}

impl Control {
    /// Does what comes, until it is a stop or another process has taken over.
    pub(super) async fn until_stopped(mut self, source: &ConfigSource) -> Result<Ended, RunError> {
        self.follow(source);
        loop {
            match self.next().await {
                Step::Stop => return self.stop().await,
                Step::Reload(asked) => {
                    if self.reload_for(source, asked).await.is_break() {
                        return self.stop().await;
                    }
                }
                Step::HandOff(asked) => match self.hand_off().await {
                    // Once in the life of a process: no room is kept for it.
                    Ok(successor) => return Box::pin(self.drain_out(successor, asked)).await,
                    Err(error) => {
                        tracing::error!("no handoff: {error}");
                        let is_stopped = matches!(error, HandoffError::Stopped);
                        // Whoever asked may have left.
                        asked.map(|reply| reply.send(Err(CommandError::Refused(error.to_string()))));
                        if is_stopped {
                            return self.stop().await;
                        }
                    }
                },
                Step::Plan(file, reply) => {
                    let load = load(&self.files, ConfigSource::File(file));
                    let found = prepare((&self.sources, &self.orders), load);
                    let Some(found) = unless_stopped(&mut self.signals, found).await else {
                        // Unanswered, it says that this process stops; and that must be said before it has.
                        drop(reply);
                        return self.stop().await;
                    };
                    match found {
                        Ok((loaded, (sources, _))) => {
                            let mut warnings = sources.warnings();
                            match self.log.foretell(&loaded.settings().log) {
                                Ok(odd) => warnings.extend(odd),
                                Err(error) => {
                                    drop(reply.send(Err(CommandError::Config(error.to_string()))));
                                    continue;
                                }
                            }
                            self.answer_plan(self.running.plan(loaded), warnings, reply);
                        }
                        // Whoever asked may have left; so below.
                        Err(problems) => drop(reply.send(Err(CommandError::Config(problems.to_string())))),
                    }
                }
                Step::Drain(target, overrides, reply) => self.drain(target, &overrides, reply).await,
                Step::Undrain(target, reply) => self.undrain(target, reply),
                Step::Close(revocation, reply) => self.close(revocation, reply).await,
                Step::SetLogLevel(level, time, reply) => self.set_log_level(level, time, reply),
                Step::EndLogLevel => self.end_log_level(),
                Step::ReopenLog => self.reopen_log(),
                Step::TakeEndpoints(news) => self.take_news(news),
                Step::Sweep => self.sweep(),
                Step::Meaningless(signal) => note_meaningless(signal),
            }
        }
    }

    fn follow(&mut self, source: &ConfigSource) {
        self.watch.follow(source.file(), &self.running.proxy().snapshot().settings);
    }

    async fn next(&mut self) -> Step {
        if let Some(command) = self.waiting.pop_front() {
            return command.into();
        }
        let sweep_after = self.running.sweep_after();
        tokio::select! {
            biased;
            signal = self.signals.next() => signal.into(),
            Some(command) = self.commands.recv() => command.into(),
            () = self.watch.changed() => Step::Reload(Vec::new()),
            next = self.sources.next(sweep_after) => next.into(),
            () = self.log.level.order_ends() => Step::EndLogLevel,
        }
    }

    /// Reads the configuration again and reloads, once for everybody who has asked for it by now. Breaks off where a stop comes first.
    async fn reload_for(&mut self, source: &ConfigSource, mut asked: Vec<Reply<ReloadAnswer>>) -> ControlFlow<()> {
        self.signals.forget_reload();
        while let Ok(command) = self.commands.try_recv() {
            self.waiting.push_back(command);
        }
        for command in std::mem::take(&mut self.waiting) {
            match command {
                AdminCommand::Reload(reply) => asked.push(reply),
                other => self.waiting.push_back(other),
            }
        }
        let files = self.files.clone();
        let answer = match self.reload(load(&files, source.clone())).await {
            Ok(Reloaded { diff, renames, draining, generation, warnings, sources }) => {
                let changes = diff.changes.iter().map(ToString::to_string).collect();
                let renames = renames.iter().map(ToString::to_string).collect();
                let warnings = warnings.lines().into_iter().chain(sources).collect();
                Ok(ReloadAnswer { config: source.path().to_owned(), generation, changes, renames, draining, warnings })
            }
            Err(ReloadError::Stopped) => return ControlFlow::Break(()),
            Err(error @ ReloadError::Config(_)) => Err(CommandError::Config(error.to_string())),
            Err(error) => Err(CommandError::Refused(error.to_string())),
        };
        self.follow(source);
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
        let found = prepare((&self.sources, &self.orders), load);
        let reloaded = match unless_stopped(&mut self.signals, found).await {
            Some(Ok((loaded, prepared))) => self.take(loaded, prepared),
            Some(Err(problems)) => Err(problems.into()),
            None => return Err(ReloadError::Stopped),
        };
        reload::log(&reloaded, self.running.proxy());
        match &reloaded {
            Ok(Reloaded { generation, diff, .. }) => {
                self.notes.note_log_level(self.log.level.noted());
                let changes = diff.changes.iter().map(ToString::to_string).collect();
                self.notes.note_reload(ReloadOutcome::Taken { generation: *generation, changes });
                self.notifier.ready(&format!("serving generation {generation}"));
            }
            Err(error) => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default().to_owned();
                self.notes.note_reload(ReloadOutcome::Refused { why: text });
                self.notifier.ready(&format!("reload refused, still serving the old configuration: {first}"));
            }
        }
        let result = match &reloaded {
            Ok(reloaded) if reloaded.diff.is_empty() => ReloadResult::Unchanged,
            Ok(_) => ReloadResult::Changed,
            Err(_) => ReloadResult::Refused,
        };
        self.running.proxy().metrics.reloaded(result, unix_seconds());
        reloaded
    }

    fn take(&mut self, mut loaded: Loaded, (sources, orders): Prepared) -> Result<Reloaded, ReloadError> {
        self.watch.note_read(loaded.take_fingerprints());
        let admin = self.admin.prepare(&loaded.settings().admin, loaded.admin_contents(), &self.running.tickets);
        let admin = admin.map_err(ReloadError::Admin)?;
        let log = self.log.prepare(&loaded.settings().log)?;
        let mut reloaded = self.running.reload(loaded)?;
        self.log.adopt(&self.running.proxy().snapshot().settings.log, log, self.running.proxy());
        reloaded.sources = sources.warnings();
        self.sources.adopt(sources, self.running.proxy());
        self.orders.adopt(orders, self.running.proxy());
        self.admin.open(admin);
        self.notes.note_listeners(self.running.addresses());
        Ok(reloaded)
    }

    /// Hands over to a new process; on failure this one serves on. A stop ends the attempt. What else
    /// is signalled meanwhile waits: it is this process's business if the attempt fails, and the new one's if it does not.
    pub(super) async fn hand_off(&mut self) -> Result<Successor, HandoffError> {
        tokio::select! {
            outcome = self.running.hand_off(&self.program, &self.notifier, &self.admin) => outcome,
            () = self.signals.stop() => Err(HandoffError::Stopped),
        }
    }

    /// Another process serves: what can move moves there, which who has `asked` for the handoff is told of; the rest drains at leisure, and
    /// in a hurry once this process is told to stop.
    pub(super) async fn drain_out(
        mut self,
        successor: Successor,
        asked: Option<Reply<HandoffAnswer>>,
    ) -> Result<Ended, RunError> {
        let pid = successor.process.pid();
        tracing::info!(successor = pid, open = self.running.proxy().registry.len(), "handed over");
        self.admin.release();
        self.sources.end();
        self.orders.end();
        // The new process is the one to ask; whoever waits still has to hear so.
        self.running.proxy().enter(Phase::HandedOver);
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        self.waiting.clear();
        let is_stopped = AtomicBool::new(false);
        let Some(MovedOut { moved, left }) = self.move_out(successor, &is_stopped).await else {
            // Before it ends, or its connection would be waited for.
            drop(asked);
            self.cut().await;
            return self.end(Ended::StoppedAfterHandoff).await;
        };
        // Whoever asked may have left.
        asked.map(|reply| reply.send(Ok(moved.answer(pid))));
        let is_stopped = is_stopped.into_inner()
            || tokio::select! {
                // First what was signalled meanwhile: there may be nothing left to drain.
                biased;
                () = stop_of_predecessor(&mut self.signals, &self.log, pid) => true,
                () = self.running.drain_out(left) => false,
            };
        if is_stopped {
            return self.stop().await.map(|_| Ended::StoppedAfterHandoff);
        }
        self.running.flush().await;
        tracing::info!("everything that was here has ended");
        self.end(Ended::HandedOver).await
    }

    /// Has the tunnels that are here move. Where a stop comes first it `is_stopped`, and those that are on their way arrive, or both
    /// processes would have them; a second one waits for nothing: `None`.
    async fn move_out(&mut self, successor: Successor, is_stopped: &AtomicBool) -> Option<MovedOut> {
        let pid = successor.process.pid();
        let mut moving = pin!(self.running.move_out(successor, is_stopped));
        loop {
            tokio::select! {
                biased;
                () = stop_of_predecessor(&mut self.signals, &self.log, pid) => {
                    if is_stopped.swap(true, Ordering::Relaxed) {
                        return None;
                    }
                }
                out = &mut moving => return Some(out),
            }
        }
    }

    /// Ends politely; a second signal ends at once.
    pub(super) async fn stop(mut self) -> Result<Ended, RunError> {
        // Before the line: who reads it may count on it.
        self.running.begin_stop();
        tracing::info!(open = self.running.proxy().registry.len(), "stopping; a second signal ends at once");
        self.notifier.stopping("draining");
        self.sources.end();
        self.orders.end();
        // Nobody waits for an answer that does not come.
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        self.waiting.clear();
        tokio::select! {
            stopped = self.running.stop_or_leave(&self.notifier) => {
                tracing::info!(
                    tunnels = stopped.tunnels.tunnels,
                    cut = stopped.tunnels.cut,
                    sessions_cut = stopped.sessions_cut,
                    "stopped"
                );
            }
            () = self.signals.stop() => self.cut().await,
        }
        self.end(Ended::Stopped).await
    }

    /// Ends at once what is here, since somebody has said so twice.
    async fn cut(&self) {
        tracing::warn!(cut = self.running.proxy().registry.len(), "second signal: ending at once");
        self.running.cut().await;
        self.running.flush_at_once().await;
    }

    /// Nothing is here any more.
    async fn end(self, ended: Ended) -> Result<Ended, RunError> {
        self.running.proxy().say_sums();
        self.running.end();
        self.admin.close().await;
        Ok(ended)
    }
}

/// What comes of some work; `None` where a stop comes first.
async fn unless_stopped<T>(signals: &mut Signals, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = signals.stop() => None,
        done = work => Some(done),
    }
}

/// What was begun, or read, for a configuration that is not served yet.
pub(super) type Prepared = (PreparedSources, PreparedOrders);

/// Begins the sources of what was loaded that are not asked yet, and reads the certificates that are kept for it.
pub(super) async fn prepare(
    (sources, orders): (&Sources, &Orders),
    load: impl Future<Output = Result<Loaded, Problems>>,
) -> Result<(Loaded, Prepared), Problems> {
    let mut loaded = load.await?;
    let orders = orders.prepare(&mut loaded).await?;
    let sources = sources.prepare(&mut loaded).await;
    Ok((loaded, (sources, orders)))
}

/// Reads the configuration and the certificates on a thread of their own.
pub(super) async fn load(files: &FileWork, source: ConfigSource) -> Result<Loaded, Problems> {
    let path = source.path().to_owned();
    let read = match files.begin(move || source.load()) {
        Ok(mut reading) => reading.done().await,
        Err(held) => Err(held),
    };
    read.unwrap_or_else(|held| Err(config::Problem::of_file(&path, held.to_string(), held.hint()).into()))
}

/// A signal that means nothing here, but perhaps where its sender comes from.
pub(super) fn note_meaningless(signal: &'static str) {
    tracing::warn!(signal, "this signal means nothing here");
}

/// Waits for a stop; everything else is the new process's business now.
async fn stop_of_predecessor(signals: &mut Signals, log: &Log, successor: u32) {
    loop {
        match signals.next().await {
            Signal::Stop => return,
            Signal::ReopenLog => log.reopen(),
            Signal::Meaningless(signal) => note_meaningless(signal),
            Signal::Reload | Signal::Handoff => {
                tracing::warn!(successor, "this process has handed over and only drains: signal the new one");
            }
        }
    }
}
