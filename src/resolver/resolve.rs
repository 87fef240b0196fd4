//! What others ask for the addresses of a name.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::{Found, ServiceRecord};
use super::error::LookupError;
use super::lookup::Lookups;
use super::name_state::NameState;
use super::name_task::NameTask;
use super::names::Names;
use crate::config::ResolverSettings;

/// The addresses of names; clones are handles on the same one.
#[derive(Clone)]
pub struct Resolver(Arc<Shared>);

struct Shared {
    names: Names,
    lookups: Arc<Lookups>,
    settings: watch::Sender<ResolverSettings>,
    /// Where names are looked up: sockets and tasks are that runtime's, whoever asks.
    runtime: Handle,
}

/// How it stands with the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolverStatus {
    /// How many are known.
    pub names: usize,
    /// How many of them cannot be resolved, of those that are asked for.
    pub failing: usize,
    /// The age of the oldest addresses that are used because there are no better ones.
    pub oldest: Duration,
    /// Lookups that found something, ever.
    pub answered: u64,
    /// Lookups that did not, ever.
    pub failed: u64,
}

impl Resolver {
    /// One that looks names up on the runtime that this is called on, which must outlive all who ask.
    pub fn new(settings: ResolverSettings) -> Self {
        Self::with(Lookups::of_the_system(), settings)
    }

    /// One of a test: the system's files are in a folder.
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &std::path::Path, servers: &[SocketAddr]) -> Self {
        let paths = super::system_files::Paths { hosts: folder.join("hosts"), resolv_conf: folder.join("resolv.conf") };
        Self::with(Lookups::at(paths), tests::settings(servers))
    }

    /// One of a test: it finds what the script says.
    #[cfg(test)]
    pub(crate) fn scripted(script: super::scripted::Scripted) -> Self {
        Self::with(Lookups::scripted(script), tests::settings(&[]))
    }

    fn with(lookups: Lookups, settings: ResolverSettings) -> Self {
        Self(Arc::new(Shared {
            names: Names::default(),
            lookups: Arc::new(lookups),
            settings: watch::Sender::new(settings),
            runtime: Handle::current(),
        }))
    }

    /// The addresses of a host in the order in which they are tried, never none. `servers`, if there are some, are asked instead
    /// of the configured ones. A name that was ever found is hardly waited for.
    ///
    /// # Errors
    /// Why there are none, and never were.
    pub async fn addresses(&self, host: &str, servers: &[SocketAddr]) -> Result<Arc<[IpAddr]>, LookupError> {
        let shared = &self.0;
        let name = shared.names.find(host, servers, |name| {
            let (lookups, settings) = (Arc::clone(&shared.lookups), shared.settings.subscribe());
            shared.runtime.spawn(NameTask { name, lookups, settings }.run()).abort_handle()
        });
        // Longer than a lookup, so that it is the lookup which says why.
        let patience = shared.settings.borrow().timeout * 2;
        name.addresses(patience).await
    }

    /// Every address that a host has now, asked for anew; where a family cannot be asked for, that is a failure.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn all_addresses(&self, host: &str, servers: &[SocketAddr]) -> Result<Found<IpAddr>, LookupError> {
        self.0.lookups.all_addresses(host, servers, &self.settings()).await
    }

    /// The services that a name has now, asked for anew.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn services(&self, name: &str, servers: &[SocketAddr]) -> Result<Found<ServiceRecord>, LookupError> {
        self.0.lookups.services(name, servers, &self.settings()).await
    }

    /// What it keeps to.
    pub fn settings(&self) -> ResolverSettings {
        self.0.settings.borrow().clone()
    }

    /// What it keeps to, for one who is to know when that changes, or when everything is to be looked up again.
    pub fn changes(&self) -> watch::Receiver<ResolverSettings> {
        self.0.settings.subscribe()
    }

    /// Forgets all names but these, each with the servers of its own that are asked for it.
    pub fn keep_names(&self, names: &HashSet<(&[SocketAddr], &str)>) {
        self.0.names.keep(names);
    }

    /// Keeps to these settings from now on; with others than before, every name that is asked for is looked up again.
    pub fn keep_to(&self, settings: &ResolverSettings) {
        self.0.settings.send_if_modified(|current| {
            let is_other = *current != *settings;
            if is_other {
                current.clone_from(settings);
            }
            is_other
        });
    }

    /// Looks every name up again that is asked for, in the background: whoever reloads expects what is true now.
    pub fn look_up_again(&self) {
        self.0.settings.send_modify(|_| ());
    }

    /// How it stands with the names.
    pub fn status(&self) -> ResolverStatus {
        let now = Instant::now();
        let names = self.0.names.all();
        let (answered, failed) = self.0.lookups.counts();
        let mut status = ResolverStatus { names: names.len(), answered, failed, ..ResolverStatus::default() };
        let failing = names.iter().filter(|name| !name.is_idle(now) && name.look(NameState::is_failing));
        for name in failing {
            status.failing += 1;
            let age = name.look(|state| state.last_good().map(|(_, found)| now - found));
            status.oldest = status.oldest.max(age.unwrap_or_default());
        }
        status
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("settings", &*self.0.settings.borrow()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
