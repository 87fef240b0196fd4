//! The drains that are under way, each a task that tells its story in the log.

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::drain::{Cause, Drain, Progress, Report};

/// The drains that are under way.
#[derive(Debug, Default)]
pub(super) struct Drains {
    tasks: JoinSet<()>,
}

impl Drains {
    /// Sees a drain through, in the background.
    pub(super) fn run(&mut self, cause: Cause, drain: Drain) {
        while self.tasks.try_join_next().is_some() {}
        if !drain.is_empty() {
            self.tasks.spawn(async move {
                see_through(cause, drain).await;
            });
        }
    }
}

/// Sees a drain through, and says how it goes at a human pace.
pub(super) async fn see_through(cause: Cause, drain: Drain) -> Report {
    if !drain.is_empty() {
        tracing::info!(
            %cause,
            tunnels = drain.len(),
            over_seconds = drain.pace().duration().as_secs_f64(),
            raised_to_per_second = drain.pace().raised_to(),
            "drain begins"
        );
    }
    let is_empty = drain.is_empty();
    let report = drain.run(|progress| say(cause, progress)).await;
    if !is_empty {
        tracing::info!(
            %cause,
            tunnels = report.tunnels,
            cut = report.cut,
            took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
            "drain is over"
        );
    }
    report
}

fn say(cause: Cause, progress: Progress) {
    let Progress { left, told, ends_at } = progress;
    let ends_in_seconds = ends_at.saturating_duration_since(Instant::now()).as_secs();
    tracing::info!(%cause, left, told, ends_in_seconds, "draining");
}
