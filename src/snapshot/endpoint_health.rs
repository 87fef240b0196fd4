//! What is known of the health of one endpoint: the failures of its requests, whose probes are believed, and what is counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::health::{Ejection, ProbeResult, RecentFailures};

/// What is known of the health of one endpoint.
#[derive(Debug, Default)]
pub(super) struct EndpointHealth {
    /// A request's success may change `ejection` or `failures`: the only thing that one looks at that goes well.
    is_in_trouble: AtomicBool,
    ejection: Mutex<Ejection>,
    /// For people to read. Locked under the lock of `ejection`, where both are.
    failures: Mutex<RecentFailures>,
    /// Whose probes are believed.
    prober: Mutex<Prober>,
    /// Tells whoever probes that a request could not connect.
    doubted: watch::Sender<()>,
    probes_passed: AtomicU64,
    probes_failed: AtomicU64,
    ejections: AtomicU64,
}

/// Whose probes are believed: those of the task that began last, and nobody's after its end.
#[derive(Debug, Default)]
pub(super) struct Prober {
    number: u64,
    is_at_work: bool,
}

/// Tells one task that probes an endpoint from those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProberNumber(u64);

/// What was counted of an endpoint's health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// Probes that passed.
    pub probes_passed: u64,
    /// Probes that failed.
    pub probes_failed: u64,
    /// How often it was ejected; a trial that fails is no new ejection.
    pub ejections: u64,
}

impl EndpointHealth {
    pub(super) fn is_in_trouble(&self) -> bool {
        self.is_in_trouble.load(Ordering::Relaxed)
    }

    pub(super) fn ejection(&self) -> MutexGuard<'_, Ejection> {
        // Each change leaves it whole; so below.
        self.ejection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn failures(&self) -> MutexGuard<'_, RecentFailures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What [`is_in_trouble`](Self::is_in_trouble) says from now on: called under the lock of `ejection`, so that they agree.
    pub(super) fn look_at(&self, ejection: &Ejection) {
        self.is_in_trouble.store(ejection.is_in_trouble() || !self.failures().are_none(), Ordering::Relaxed);
    }

    pub(super) fn prober(&self) -> MutexGuard<'_, Prober> {
        self.prober.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn doubted(&self) -> &watch::Sender<()> {
        &self.doubted
    }

    pub(super) fn count_probe(&self, result: ProbeResult) {
        let counter = match result {
            ProbeResult::Passed => &self.probes_passed,
            ProbeResult::Failed => &self.probes_failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_ejection(&self) {
        self.ejections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> HealthCounts {
        let [probes_passed, probes_failed, ejections] =
            [&self.probes_passed, &self.probes_failed, &self.ejections].map(|counter| counter.load(Ordering::Relaxed));
        HealthCounts { probes_passed, probes_failed, ejections }
    }
}

impl Prober {
    /// A task begins to probe, and those before it are not believed any more.
    pub(super) fn begin(&mut self) -> ProberNumber {
        *self = Self { number: self.number + 1, is_at_work: true };
        ProberNumber(self.number)
    }

    /// Nobody probes any more.
    pub(super) fn end(&mut self) {
        self.is_at_work = false;
    }

    /// Whether this task is the one that is believed.
    pub(super) fn is(&self, prober: ProberNumber) -> bool {
        self.is_at_work && ProberNumber(self.number) == prober
    }
}
