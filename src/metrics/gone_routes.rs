//! What was counted of routes that are gone. They have no series any more, and what is summed over all must not become less.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cells::load;
use super::route_counts::{EndingKey, ExchangeKey, RouteCounts};

/// What was counted of routes that are gone.
#[derive(Debug, Default)]
pub(super) struct GoneRoutes(Mutex<RouteSums>);

/// Counts of routes, together.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteSums {
    pub(super) ended: BTreeMap<EndingKey, u64>,
    pub(super) exchanges: BTreeMap<ExchangeKey, u64>,
    pub(super) reconnections: BTreeMap<&'static str, u64>,
}

impl GoneRoutes {
    /// A route is gone.
    pub(super) fn take_in(&self, counts: &RouteCounts) {
        self.sums().add(counts);
    }

    /// All of them together.
    pub(super) fn all(&self) -> RouteSums {
        self.sums().clone()
    }

    fn sums(&self) -> MutexGuard<'_, RouteSums> {
        // A panic leaves a route that was added in part.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouteSums {
    /// Adds those of a route.
    pub(super) fn add(&mut self, counts: &RouteCounts) {
        for (key, count) in counts.ended.all() {
            *self.ended.entry(key).or_default() += load(&count);
        }
        for (key, count) in counts.exchanges() {
            *self.exchanges.entry(key).or_default() += count;
        }
        for (outcome, count) in counts.reconnections.all() {
            *self.reconnections.entry(outcome).or_default() += load(&count);
        }
    }
}
