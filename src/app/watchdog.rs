//! Shows systemd that this process lives: its own thread, and every worker.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::process::Notifier;
use crate::session::Proxy;

/// Gives a sign every so often, but only once every worker has taken a turn: one that is stuck is a reason to be ended.
pub(super) async fn notify_watchdog(notifier: Arc<Notifier>, proxy: Arc<Proxy>, every: Duration) {
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        match proxy.workers.take_turns().await {
            Ok(()) => notifier.watchdog(),
            Err(worker) => tracing::error!(worker, "a worker is gone: systemd gets no sign of life any more"),
        }
    }
}
