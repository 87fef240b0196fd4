//! A stop: new upgrades are refused, tunnels drain, exchanges finish, and what is left at the deadline is cut.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::drains::{DrainLog, see_through};
use super::running::Running;
use crate::drain::{Cause, Drain, DrainPolicy, DrainSummary, Scope, StandingOrder, StopOrder, TakeBack, seconds};
use crate::session::{Phase, StopTimes};

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// What became of the tunnels.
    pub tunnels: DrainSummary,
    /// Sessions whose exchange was cut at the deadline.
    pub sessions_cut: usize,
}

impl Running {
    /// Begins to end; what [`stop`](Self::stop) does first, for whoever has to say that it has begun.
    pub fn begin_stop(&self) {
        self.proxy.enter(if self.delay().is_some() { Phase::Leaving } else { Phase::Draining });
    }

    /// Ends politely, and has the last spans exported.
    pub(super) async fn stop_and_flush(&mut self) -> Stopped {
        let stopped = self.stop().await;
        self.flush().await;
        stopped
    }

    /// Has the last spans exported.
    pub(super) async fn flush(&self) {
        self.proxy.flush_traces(SPANS_WITHIN).await;
    }

    /// The same, where somebody wants the process to end at once.
    pub(super) async fn flush_at_once(&self) {
        self.proxy.flush_traces(SPANS_AT_ONCE).await;
    }

    /// Ends politely, within `drain.stop.delay` and `drain.stop.deadline`.
    pub async fn stop(&mut self) -> Stopped {
        let delay = self.delay();
        self.begin_stop();
        let proxy = &self.proxy;
        let settings = proxy.snapshot().settings.drain;
        if let Some(delay) = delay {
            tracing::info!(delay_seconds = seconds(delay), "not ready any more; serving on for drain.stop.delay");
            sleep(delay).await;
        }
        let policy = DrainPolicy::new(&settings, settings.stop);
        let order = policy.order(Cause::Stop);
        let deadline = order.deadline;
        let standing = StandingOrder { scope: Scope::All, order: order.clone(), while_alive: None };
        // First nobody new, then those who are there.
        let telling = Drain::plan(proxy.registry.len(), &policy, 0).duration().max(policy.window.spread);
        proxy.begin_end(Phase::Draining, StopTimes { told_by: Instant::now() + telling, deadline });
        let drain = Drain::begin(&proxy.registry, [standing], order, &policy);
        let (cause, scope, statuses) = (Cause::Stop, "all", &*proxy.drains);
        let id = statuses.begin(cause, scope.into(), &drain);
        let tunnels = see_through(&DrainLog { id, cause, scope, statuses }, drain, &TakeBack::default()).await;
        proxy.enter(Phase::Closing);
        let until = deadline.max(Instant::now() + GONE_WITHIN);
        let gone = async {
            // Or those who keep coming would keep the process alive.
            self.listeners.close().await;
            self.proxy.workers.emptied().await;
        };
        let _ = timeout_at(until, gone).await;
        let sessions_cut = self.proxy.open_places();
        self.cut().await;
        Stopped { tunnels, sessions_cut }
    }

    /// Cuts whatever is left. It has a moment to say so in the log, and ends so that nobody takes a part for the whole.
    pub(super) async fn cut(&self) {
        let proxy = &self.proxy;
        proxy.enter(Phase::Cutting);
        let settings = proxy.snapshot().settings.drain;
        let order =
            StopOrder { deadline: Instant::now(), ..DrainPolicy::new(&settings, settings.stop).order(Cause::Stop) };
        for handle in proxy.registry.tunnels(|_| true) {
            handle.order_close(order.clone());
        }
        let _ = timeout(CUT_WITHIN, proxy.workers.emptied()).await;
    }

    /// How long newcomers are served on; those of a process that has handed over are another's already.
    fn delay(&self) -> Option<Duration> {
        let is_serving = self.proxy.phase() <= Phase::Leaving;
        self.proxy.snapshot().settings.drain.stop_delay.filter(|_| is_serving)
    }

    /// Ends now: whatever is still open is cut.
    pub fn end(self) {
        self.proxy.end_probes();
        drop(self.listeners);
    }
}

/// Tunnels that are cut at the deadline need that long to be gone.
const GONE_WITHIN: Duration = Duration::from_millis(200);

/// How long what is cut may take to be gone: whoever sends a second signal waits for nothing else.
const CUT_WITHIN: Duration = Duration::from_millis(100);

/// How long the last spans may take: a collector that is there takes a moment.
const SPANS_WITHIN: Duration = Duration::from_secs(3);

/// The same, where somebody wants the process to end at once.
const SPANS_AT_ONCE: Duration = Duration::from_millis(200);
