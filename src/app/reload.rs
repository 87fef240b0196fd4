//! A reload: load, compare, open, publish, close, drain. Any failure before "publish" changes nothing.

use std::sync::Arc;

use thiserror::Error;

use super::admin_listener::AdminError;
use super::discovery::NamedSets;
use super::error::OnePerLine;
use super::listeners::BindError;
use super::loaded::{Loaded, warn};
use super::logging::LogPlaceError;
use super::port_shortages::warn_of_ports;
use super::running::Running;
use crate::config::{OnReload, Problems, Warnings};
use crate::drain::{Cause, Drain, DrainPolicy, StandingOrder};
use crate::session::Proxy;
use crate::snapshot::{Diff, Rename, Snapshot};

/// What a reload did.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// What it changed; nothing, where it was a no-op.
    pub diff: Diff,
    /// What looks renamed.
    pub renames: Vec<Rename>,
    /// How many tunnels are drained because of it.
    pub draining: usize,
    /// The generation that is served now.
    pub generation: u64,
    /// What is odd about the configuration.
    pub warnings: Warnings,
    /// Which of its sources have no endpoints, in words.
    pub sources: Vec<String>,
}

/// Why a reload was refused: the running configuration stays as it was.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The configuration, or a file that it names, is wrong.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The admin listener cannot be moved.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What lines are to go to cannot be opened.
    #[error(transparent)]
    Log(#[from] LogPlaceError),
    /// Addresses cannot be bound.
    #[error("{}", OnePerLine(.0))]
    Bind(Vec<BindError>),
    /// The process was told to stop before the configuration was read.
    #[error("a stop came first")]
    Stopped,
}

impl Running {
    /// Serves another configuration from now on. Tunnels whose listener, route or endpoint is gone are drained, in the
    /// background; all others stay as they are.
    pub fn reload(&mut self, loaded: Loaded) -> Result<Reloaded, ReloadError> {
        if let Some(resolver) = self.proxy.resolver() {
            resolver.look_up_again();
        }
        let old = self.proxy.snapshot();
        let warnings = loaded.warnings().clone();
        let (mut settings, contents, found) = loaded.into_parts();
        let mut sets = self.sets.clone().with(found);
        sets.fill(&mut settings, Some(&old));
        let mut new = Snapshot::assemble(Arc::new(settings), contents, &self.tickets, Some(&old));
        let diff = Diff::between(&old, &new);
        if diff.is_empty() {
            // In other words, which the next change is told by.
            new.generation = old.generation;
            let generation = old.generation;
            self.publish(old, new, sets);
            return Ok(Reloaded { diff, renames: Vec::new(), draining: 0, generation, warnings, sources: Vec::new() });
        }
        let renames = Rename::between(&old, &new);
        let prepared = self.listeners.prepare(&new.settings, &self.proxy.workers).map_err(ReloadError::Bind)?;
        let generation = new.generation;
        self.take_back(&diff.returned);
        sets.keep_to(&new.settings);
        self.publish(old, new, sets);
        self.listeners.open(prepared, &self.proxy);
        let draining = self.drain_lost(&diff);
        Ok(Reloaded { diff, renames, draining, generation, warnings, sources: Vec::new() })
    }

    fn publish(&mut self, old: Arc<Snapshot>, new: Snapshot, sets: NamedSets) {
        self.proxy.publish(new);
        self.retired.take(old, &self.proxy.snapshot());
        self.sets = sets;
    }

    /// Drains the tunnels that lose what they stand on by a reload, in the background. Returns how many that are.
    pub(super) fn drain_lost(&self, diff: &Diff) -> usize {
        let leaving = self.drain_leaving(diff.leaving.iter());
        leaving
            + match self.proxy.snapshot().settings.drain.on_reload {
                OnReload::Keep => 0,
                OnReload::Drain => self.drain_vanished(diff),
            }
    }

    fn drain_vanished(&self, diff: &Diff) -> usize {
        let settings = self.proxy.snapshot().settings.drain;
        let policy = DrainPolicy::new(&settings, settings.reload);
        let order = policy.order(Cause::Reload);
        // Requests that found their route before the publishing can still register.
        let standing = diff.vanished.iter().map(|vanished| StandingOrder {
            scope: vanished.scope,
            order: order.clone(),
            while_alive: Some(vanished.while_alive.clone()),
        });
        let drain = Drain::begin(&self.proxy.registry, standing, order.clone(), &policy);
        let count = drain.len();
        if count > 0 {
            self.drains.run(Cause::Reload, "what the reload took away".into(), drain);
        }
        count
    }
}

/// Says in the log what a reload did.
pub(super) fn log(reloaded: &Result<Reloaded, ReloadError>, proxy: &Proxy) {
    if let Ok(Reloaded { warnings, .. }) = reloaded {
        warn(warnings);
        warn_of_ports(&proxy.snapshot().settings);
    }
    match reloaded {
        Ok(Reloaded { diff, generation, .. }) if diff.is_empty() => {
            tracing::info!(generation, "reload: nothing has changed");
        }
        Ok(Reloaded { diff, renames, draining, generation, .. }) => {
            for change in &diff.changes {
                tracing::info!(%change, "reload");
            }
            for rename in renames {
                tracing::warn!("reload: {rename}");
            }
            let open = proxy.registry.len();
            tracing::info!(generation, changes = diff.changes.len(), drains = draining, open, "reloaded");
        }
        Err(error) => tracing::error!("reload refused, nothing has changed:\n{error}"),
    }
}
