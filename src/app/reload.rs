//! A reload: load, compare, open, publish, close, drain. Any failure before "publish" changes nothing.

use std::mem::take;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{error, fmt};

use rustls::pki_types::UnixTime;

use super::admin_listener::AdminError;
use super::error::write_all;
use super::listeners::BindError;
use super::prints::Prints;
use super::running::Running;
use super::socket_folder;
use crate::config::{
    self, CertificateFiles, ListenerSettings, OnReload, Problem, Problems, Reading, Settings, Warning, Warnings,
    counted,
};
use crate::drain::{Cause, Drain, Policy, Standing};
use crate::process::unix_seconds;
use crate::session::Proxy;
use crate::snapshot::{Certificates, Diff, Rename, Snapshot, load_certificates};
use crate::tls::{CertificateError, CertifiedBundle};

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
}

/// Why a reload was refused: the running configuration stays as it was.
#[derive(Debug)]
pub enum ReloadError {
    /// The configuration, or a file that it names, is wrong.
    Config(Problems),
    /// The admin listener cannot be moved.
    Admin(AdminError),
    /// Addresses cannot be bound.
    Bind(Vec<BindError>),
    /// The process was told to stop before the configuration was read.
    Stopped,
}

/// A configuration with everything that was read for it.
#[derive(Debug)]
pub struct Loaded {
    settings: Settings,
    certificates: Certificates,
    /// What is odd about them.
    warnings: Warnings,
    /// Of the files that it was read from.
    prints: Prints,
}

impl Loaded {
    /// Reads a file, and the certificates that it names.
    ///
    /// Blocks on the file system.
    pub fn read_file(file: &Path) -> Result<Self, Problems> {
        let prints = Prints::of([file]);
        let Reading { settings, certificates } = config::read(file);
        // Whatever else is wrong, the certificates are looked at: everything is said at once.
        let settings = settings.map_err(|problems| problems.and(problems_of(&certificates)))?;
        let mut loaded = Self::read(settings)?;
        loaded.prints.update(prints);
        Ok(loaded)
    }

    /// Reads the certificates that `settings` name.
    ///
    /// Blocks on the file system.
    pub fn read(settings: Settings) -> Result<Self, Problems> {
        let prints = Prints::of_certificates(&settings);
        let socket = socket_folder::look(&settings.admin);
        let (certificates, socket) = match (load_certificates(&settings), socket) {
            (Ok(certificates), Ok(warning)) => (certificates, warning),
            (Ok(_), Err(problem)) => return Err(problem.into()),
            (Err(problems), socket) => return Err(problems.and(socket.err())),
        };
        let warnings = settings.warnings.clone().and(warnings_of(&settings, &certificates)).and(socket);
        Ok(Self { settings, certificates, warnings, prints })
    }

    /// What the files looked like that it was read from.
    pub(super) fn take_prints(&mut self) -> Prints {
        take(&mut self.prints)
    }

    pub(super) fn into_parts(self) -> (Settings, Certificates) {
        (self.settings, self.certificates)
    }

    /// What it means.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is odd about it.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { listeners, routes, upstreams, .. } = &self.settings;
        let endpoints: usize = upstreams.values().map(|upstream| upstream.endpoints.len()).sum();
        f.write_str("good")?;
        if !self.warnings.is_empty() {
            write!(f, ", with {}", counted(self.warnings.len(), "warning"))?;
        }
        let (listeners, routes) = (counted(listeners.len(), "listener"), counted(routes.len(), "route"));
        let (upstreams, endpoints) = (counted(upstreams.len(), "upstream"), counted(endpoints, "endpoint"));
        write!(f, ": {listeners}, {routes}, {upstreams} with {endpoints}")
    }
}

/// What is wrong with certificates that the rest of the configuration keeps from being served.
fn problems_of(certificates: &[CertificateFiles]) -> impl Iterator<Item = Problem> {
    let errors = CertifiedBundle::load(certificates).err().unwrap_or_default();
    errors.into_iter().map(CertificateError::into_problem)
}

fn warnings_of(settings: &Settings, certificates: &Certificates) -> Vec<Warning> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(unix_seconds()));
    let of_listener = |listener: &Arc<ListenerSettings>| {
        let (tls, bundle) = (listener.tls.as_ref()?, certificates.get(&listener.name)?);
        Some(bundle.warnings(&tls.certificates, now))
    };
    settings.listeners.values().filter_map(of_listener).flatten().collect()
}

/// Says in the log what is odd about a configuration that is served.
pub(super) fn warn(warnings: &Warnings) {
    for warning in warnings.iter() {
        tracing::warn!(place = %warning.place(), hint = warning.hint(), "configuration: {}", warning.problem());
    }
}

impl Running {
    /// Serves another configuration from now on. Tunnels whose listener, route or endpoint is gone are drained, in the
    /// background; all others stay as they are.
    pub fn reload(&mut self, loaded: Loaded) -> Result<Reloaded, ReloadError> {
        let old = self.proxy.snapshot();
        let warnings = loaded.warnings.clone();
        let (settings, certificates) = loaded.into_parts();
        let mut new = Snapshot::assemble(Arc::new(settings), certificates, &self.tickets, Some(&old));
        let diff = Diff::between(&old, &new);
        if diff.is_empty() {
            // In other words, which the next change is told by.
            new.generation = old.generation;
            self.proxy.publish(new);
            return Ok(Reloaded { diff, renames: Vec::new(), draining: 0, generation: old.generation, warnings });
        }
        let renames = Rename::between(&old, &new);
        let prepared = self.listeners.prepare(&new.settings, &self.proxy.workers).map_err(ReloadError::Bind)?;
        let (generation, drain) = (new.generation, new.settings.drain);
        self.proxy.publish(new);
        self.listeners.open(prepared, &self.proxy);
        let draining = match drain.on_reload {
            OnReload::Keep => 0,
            OnReload::Drain => self.drain_vanished(&diff),
        };
        Ok(Reloaded { diff, renames, draining, generation, warnings })
    }

    fn drain_vanished(&mut self, diff: &Diff) -> usize {
        let settings = self.proxy.snapshot().settings.drain;
        let policy = Policy::new(&settings, settings.reload);
        let order = policy.order(Cause::Reload);
        // Requests that found their route before the publishing can still register.
        let standing = diff.vanished.iter().map(|vanished| Standing {
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

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => problems.fmt(f),
            Self::Admin(error) => error.fmt(f),
            Self::Bind(errors) => write_all(f, errors),
            Self::Stopped => f.write_str("a stop came first"),
        }
    }
}

impl error::Error for ReloadError {}

impl From<Problems> for ReloadError {
    fn from(problems: Problems) -> Self {
        Self::Config(problems)
    }
}
