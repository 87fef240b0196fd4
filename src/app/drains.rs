//! The drains that are under way, each a task that tells its story in the log and among the statuses.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::drain::{Cause, Drain, DrainEnd, DrainProgress, DrainStatuses, DrainSummary, Scope, seconds};

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
    /// Those that can be taken back, each for its cause.
    of_endpoints: Vec<((Cause, Scope), oneshot::Sender<()>)>,
}

impl Drains {
    pub(super) fn new(statuses: Arc<DrainStatuses>) -> Self {
        Self { statuses, under_way: Arc::default() }
    }

    /// Sees a drain through, in the background; returns its number.
    pub(super) fn run(&self, cause: Cause, scope: String, drain: Drain) -> u64 {
        self.spawn(cause, scope, drain, pending())
    }

    /// The same, for the drain of an endpoint: it ends early when [`take_back`](Self::take_back) is called for `cause` and
    /// `endpoint`.
    pub(super) fn run_of_endpoint(&self, cause: Cause, endpoint: Scope, scope: String, drain: Drain) -> u64 {
        let (take_back, taken_back) = oneshot::channel();
        {
            let of_endpoints = &mut self.under_way().of_endpoints;
            of_endpoints.retain(|(_, take_back)| !take_back.is_closed());
            of_endpoints.push(((cause, endpoint), take_back));
        }
        let taken_back = async move {
            // One whose sender is dropped without a word goes on to its end.
            if taken_back.await.is_err() {
                pending().await
            }
        };
        self.spawn(cause, scope, drain, taken_back)
    }

    /// Ends the drains of `endpoint` for `cause` that are under way: who was not told yet stays.
    pub(super) fn take_back(&self, cause: Cause, endpoint: Scope) {
        let meant = (cause, endpoint);
        for (_, take_back) in self.under_way().of_endpoints.extract_if(.., |(of, _)| *of == meant) {
            // One that is over already needs no word.
            let _ = take_back.send(());
        }
    }

    fn spawn(
        &self,
        cause: Cause,
        scope: String,
        drain: Drain,
        taken_back: impl Future<Output = ()> + Send + 'static,
    ) -> u64 {
        let id = self.statuses.begin(cause, scope.clone(), &drain);
        let statuses = Arc::clone(&self.statuses);
        let tasks = &mut self.under_way().tasks;
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            see_through(&DrainLog { id, cause, scope: &scope, statuses: &statuses }, drain, taken_back).await;
        });
        id
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        // Each change leaves it whole.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the log and the statuses are told about.
pub(super) struct DrainLog<'a> {
    pub(super) id: u64,
    pub(super) cause: Cause,
    pub(super) scope: &'a str,
    pub(super) statuses: &'a DrainStatuses,
}

/// Sees a drain through, and says how it goes.
pub(super) async fn see_through(
    story: &DrainLog<'_>,
    drain: Drain,
    taken_back: impl Future<Output = ()>,
) -> DrainSummary {
    let is_empty = drain.is_empty();
    if !is_empty {
        story.begins(&drain);
    }
    let mut say_at = Instant::now() + SAY;
    let report = drain
        .run(taken_back, |progress| {
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
