//! The drains that are under way, each a task that tells its story in the log and among the statuses.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::drain::{Cause, Drain, DrainEnd, DrainProgress, DrainStatuses, DrainSummary, Scope, TakeBack, seconds};

/// How often the log hears of a drain: a human pace.
const SAY: Duration = Duration::from_secs(5);

/// The drains that are under way; whoever holds it can begin one.
#[derive(Clone, Debug)]
pub(super) struct Drains {
    statuses: Arc<DrainStatuses>,
    under_way: Arc<Mutex<UnderWay>>,
}

#[derive(Debug, Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    /// Those of which endpoints can be taken back, by each of these.
    of_endpoints: HashMap<(Cause, Scope), Vec<Arc<TakeBack>>>,
}

impl Drains {
    pub(super) fn new(statuses: Arc<DrainStatuses>) -> Self {
        Self { statuses, under_way: Arc::default() }
    }

    /// Sees a drain through, in the background; returns its number.
    pub(super) fn run(&self, cause: Cause, scope: String, drain: Drain) -> u64 {
        self.spawn(cause, scope, drain, HashSet::new())
    }

    /// The same, for the drain of `endpoints`, each of which can be taken back out of it: see [`take_back`](Self::take_back).
    pub(super) fn run_of_endpoints(&self, cause: Cause, endpoints: HashSet<Scope>, scope: String, drain: Drain) -> u64 {
        self.spawn(cause, scope, drain, endpoints)
    }

    /// Takes `endpoint` out of the drains for `cause` that are under way: who is there and was not told yet stays. A drain that is
    /// about no other ends.
    pub(super) fn take_back(&self, cause: Cause, endpoint: Scope) {
        for drain in self.under_way().of_endpoints.remove(&(cause, endpoint)).into_iter().flatten() {
            drain.note(endpoint);
        }
    }

    fn spawn(&self, cause: Cause, scope: String, drain: Drain, endpoints: HashSet<Scope>) -> u64 {
        let id = self.statuses.begin(cause, scope.clone(), &drain);
        let take_back = Arc::new(TakeBack::of(endpoints.iter().copied()));
        // Whoever holds the tasks is not held by them.
        let (statuses, under_way) = (Arc::clone(&self.statuses), Arc::downgrade(&self.under_way));
        let mut noted = self.under_way();
        for endpoint in &endpoints {
            noted.of_endpoints.entry((cause, *endpoint)).or_default().push(Arc::clone(&take_back));
        }
        while noted.tasks.try_join_next().is_some() {}
        noted.tasks.spawn(async move {
            see_through(&DrainLog { id, cause, scope: &scope, statuses: &statuses }, drain, &take_back).await;
            if let Some(under_way) = under_way.upgrade() {
                locked(&under_way).forget(cause, &endpoints, &take_back);
            }
        });
        id
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        locked(&self.under_way)
    }
}

impl UnderWay {
    /// A drain of these endpoints is over.
    fn forget(&mut self, cause: Cause, endpoints: &HashSet<Scope>, over: &Arc<TakeBack>) {
        for endpoint in endpoints {
            if let Entry::Occupied(mut drains) = self.of_endpoints.entry((cause, *endpoint)) {
                drains.get_mut().retain(|drain| !Arc::ptr_eq(drain, over));
                if drains.get().is_empty() {
                    drains.remove();
                }
            }
        }
    }
}

fn locked(under_way: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    // Each change leaves it whole.
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the log and the statuses are told about.
pub(super) struct DrainLog<'a> {
    pub(super) id: u64,
    pub(super) cause: Cause,
    pub(super) scope: &'a str,
    pub(super) statuses: &'a DrainStatuses,
}

/// Sees a drain through, and says how it goes.
pub(super) async fn see_through(story: &DrainLog<'_>, drain: Drain, take_back: &TakeBack) -> DrainSummary {
    let is_empty = drain.is_empty();
    if !is_empty {
        story.begins(&drain);
    }
    let mut say_at = Instant::now() + SAY;
    let report = drain
        .run(take_back, |progress| {
            story.statuses.note_progress(story.id, progress);
            let now = Instant::now();
            if now >= say_at {
                say_at = now + SAY;
                story.goes_on(progress);
            }
        })
        .await;
    story.statuses.note_end(story.id, report);
    if !is_empty {
        story.ends(report);
    }
    report
}

impl DrainLog<'_> {
    fn begins(&self, drain: &Drain) {
        let Self { cause, scope, .. } = self;
        let pace = drain.pace();
        tracing::info!(
            %cause,
            scope,
            tunnels = drain.len(),
            over_seconds = seconds(pace.duration()),
            "drain begins"
        );
        if let Some(raised_to_per_second) = pace.raised_to() {
            tracing::warn!(
                %cause,
                scope,
                raised_to_per_second,
                "max_per_second does not allow everybody to be told before the deadline: it is raised"
            );
        }
    }

    fn goes_on(&self, progress: DrainProgress) {
        let Self { cause, scope, .. } = self;
        let DrainProgress { left, told, closed, cut, ends_at, .. } = progress;
        let ends_in_seconds = ends_at.saturating_duration_since(Instant::now()).as_secs();
        tracing::info!(%cause, scope, left, told, closed, cut, ends_in_seconds, "draining");
    }

    fn ends(&self, report: DrainSummary) {
        let Self { cause, scope, .. } = self;
        let DrainSummary { end, tunnels, cut, took } = report;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match end {
            DrainEnd::Complete => tracing::info!(%cause, scope, tunnels, cut, took_ms, "drained"),
            DrainEnd::TakenBack => tracing::info!(%cause, scope, tunnels, cut, took_ms, "drain was taken back"),
        }
    }
}
