//! The configuration as a whole.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::admin::AdminSettings;
use super::drain::DrainSettings;
use super::listener::ListenerSettings;
use super::log::LogSettings;
use super::route::RouteSettings;
use super::rules::ErrorPageSettings;
use super::source::{ResolverSettings, StateFolder};
use super::traces::TracesSettings;
use super::upstream::UpstreamSettings;
use crate::config::names::{ListenerName, RouteName, UpstreamName};
use crate::config::not_compared::NotCompared;
use crate::config::warning::Warnings;
use crate::config::written::Written;

/// A whole configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many worker threads carry sessions and tunnels.
    pub workers: WorkerCount,
    /// Whether a change of the file, or of a certificate that it names, is a reload.
    pub watch: bool,
    /// With how many TLS handshakes of clients a worker goes on at once; the next ones wait for their turn.
    pub tls_handshakes_at_once: NonZeroUsize,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Where traces go, and which; `None`: nowhere.
    pub traces: Option<TracesSettings>,
    /// Every listener by name.
    pub listeners: BTreeMap<ListenerName, Arc<ListenerSettings>>,
    /// Every route by name.
    pub routes: BTreeMap<RouteName, Arc<RouteSettings>>,
    /// Every upstream by name.
    pub upstreams: BTreeMap<UpstreamName, Arc<UpstreamSettings>>,
    /// How names are looked up.
    pub resolver: ResolverSettings,
    /// Where is kept what is to survive a restart.
    pub state_folder: StateFolder,
    /// How tunnels are ended when we have to end them.
    pub drain: DrainSettings,
    /// How operators look in and steer.
    pub admin: AdminSettings,
    /// What refusals say, where no route says it.
    pub error_pages: Arc<[ErrorPageSettings]>,
    /// What is odd about how it is written.
    pub warnings: NotCompared<Warnings>,
    /// The same in the words of the file.
    pub written: NotCompared<Written>,
}

/// The number of worker threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerCount {
    /// One for each core that this process may use.
    PerCore,
    /// Exactly so many.
    Count(NonZeroUsize),
}
