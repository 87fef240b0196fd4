//! A process that only waits for the word to serve.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::acme::Orders;
use super::admin_listener::{AdminListeners, PreparedAdmin};
use super::certificate_watch::warn_of_certificates;
use super::control::{Control, Prepared};
use super::discovery::Sources;
use super::environment::Environment;
use super::error::{RunError, StartError};
use super::handoff::{Inheritance, TunnelIntake};
use super::loaded::Loaded;
use super::logging::{Log, LogError, init_logging};
use super::running::{PreparedProxy, Running};
use super::usual_socket::UsualSocket;
use super::watch::Watch;
use super::watchdog::notify_watchdog;
use crate::admin::{self, AdminCommand, Context, Notes};
use crate::process::{FileWork, Notifier, Signals, Users, reap_orphans};

/// A process that only waits for the word to serve: everything that can fail has been done.
pub(super) struct PreparedProcess {
    built: PreparedProxy,
    notifier: Arc<Notifier>,
    log: Log,
    environment: Environment,
    admin: AdminListeners,
    prepared: PreparedAdmin,
    notes: Arc<Notes>,
    commands: mpsc::Receiver<AdminCommand>,
    watch: Watch,
}

impl PreparedProcess {
    /// Does everything but to serve what was read from `file`.
    pub(super) fn build(
        mut loaded: Loaded,
        file: Option<PathBuf>,
        mut environment: Environment,
        inheritance: &mut Inheritance,
        files: FileWork,
    ) -> Result<Self, RunError> {
        let watch = Watch::new(loaded.take_fingerprints(), files);
        let mut log = init_logging(&loaded.settings().log, &environment.log)?;
        inheritance.say_what_is_odd();
        let notifier = Arc::new(Notifier::from_socket(environment.notify_socket.take()));
        let (admin_settings, admin_contents) = (loaded.settings().admin.clone(), loaded.admin_contents().to_vec());
        let built = Running::build(loaded, inheritance)?;
        let (sender, commands) = admin::channel();
        let place = file.clone();
        let notes = Arc::new(Notes::new(file));
        let proxy = Arc::clone(built.proxy());
        log.count_in(proxy.metrics.log_lines_dropped());
        let log_settings = &proxy.snapshot().settings.log;
        let places = log.prepare(log_settings).map_err(LogError::Place)?;
        log.adopt(log_settings, places, &proxy);
        notes.note_log_level(log.level.noted());
        let predecessors = Arc::clone(&inheritance.predecessors);
        let places = admin::Places::default();
        let (notes_too, rates, users) = (Arc::clone(&notes), admin::Rates::default(), Users::read());
        let (lookers, doors) = (admin::Lookers::default(), admin::Doors::default());
        let (allocator, commands_too) = (environment.allocator, sender);
        let context = Context {
            proxy,
            notes: notes_too,
            predecessors,
            commands: commands_too,
            doors,
            places,
            rates,
            users,
            lookers,
            allocator,
        };
        let usual = UsualSocket::of(
            environment.runtime_directory.as_deref(),
            &[place.as_deref().unwrap_or(Path::new("windlass.toml"))],
        );
        let mut admin = AdminListeners::new(Arc::new(context), usual, std::mem::take(&mut inheritance.admin));
        let prepared = admin.prepare(&admin_settings, &admin_contents, built.tickets()).map_err(StartError::Admin)?;
        Ok(Self { built, notifier, log, environment, admin, prepared, notes, commands, watch })
    }

    /// Serves from now on, or from when the process before lets go.
    pub(super) async fn begin(
        self,
        mut inheritance: Inheritance,
        signals: Signals,
        files: FileWork,
        (mut sources, mut orders): (Sources, Orders),
        (first, ordered): Prepared,
    ) -> Result<Control, RunError> {
        let Self { built, notifier, log, environment, mut admin, prepared, notes, commands, watch } = self;
        inheritance.take_over(&built.proxy().snapshot().settings.drain.handoff).await?;
        inheritance.kept.let_go_of_state().await;
        let running = built.open();
        sources.adopt(first, running.proxy());
        orders.adopt(ordered, running.proxy());
        notes.note_listeners(running.addresses());
        admin.open(prepared);
        std::mem::take(&mut inheritance.kept).take_up(running.proxy(), &notifier).await;
        let intake = |pid| TunnelIntake::boxed(pid, Arc::clone(running.proxy()), running.drains.clone());
        inheritance.announce_serving(intake).await;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), workers = running.proxy().workers.count(), "ready");
        notifier.ready("serving");
        let mut duties = JoinSet::new();
        if let Some(every) = environment.watchdog.notify_every(std::process::id()) {
            duties.spawn(notify_watchdog(Arc::clone(&notifier), Arc::clone(running.proxy()), every));
        }
        duties.spawn(warn_of_certificates(admin.context()));
        if std::process::id() == 1 {
            duties.spawn(async {
                if let Err(error) = reap_orphans().await {
                    tracing::warn!(%error, "processes that lost their parent stay as zombies");
                }
            });
        }
        let (program, waiting) = (environment.program, VecDeque::new());
        Ok(Control {
            running,
            signals,
            notifier,
            log,
            program,
            admin,
            notes,
            commands,
            watch,
            sources,
            orders,
            files,
            waiting,
            errands: JoinSet::new(),
            _duties: duties,
        })
    }
}
