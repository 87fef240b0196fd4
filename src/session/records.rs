//! What is counted of requests and tunnels, and written of them for other tools; and where tunnels go that are to move.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};

use super::moving::Departures;
use crate::log::AccessLog;
use crate::metrics::Metrics;
use crate::traces::Tracer;

/// Where it is counted and written. A tunnel keeps this, and nothing else of the proxy.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) metrics: Arc<Metrics>,
    /// Where each answer and tunnel has a line more.
    access_log: ArcSwapOption<AccessLog>,
    /// Where spans go.
    tracer: ArcSwapOption<Tracer>,
    /// Where tunnels say what is known of them that are asked to move.
    pub(super) departures: Departures,
}

impl Records {
    /// Counted there, and written nowhere yet.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (access_log, tracer) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        Self { metrics, access_log, tracer, departures: Departures::default() }
    }

    /// Each answer and tunnel has a line more there from now on.
    pub(super) fn set_access_log(&self, access_log: Option<Arc<AccessLog>>) {
        self.access_log.store(access_log);
    }

    /// Whether each answer and tunnel has a line more.
    pub(super) fn has_access_log(&self) -> bool {
        self.access_log.load().is_some()
    }

    /// Spans go there from now on.
    pub(super) fn set_tracer(&self, tracer: Option<Arc<Tracer>>) {
        self.tracer.store(tracer);
    }

    /// Where spans go; `None` where traces are off.
    pub(super) fn tracer(&self) -> Guard<Option<Arc<Tracer>>> {
        self.tracer.load()
    }

    /// Has that line written, where there is to be one.
    pub(super) fn write_access(&self, write: impl FnOnce(&AccessLog)) {
        if let Some(access_log) = &*self.access_log.load() {
            write(access_log);
        }
    }
}
