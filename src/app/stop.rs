//! A stop: new upgrades are refused, tunnels drain, exchanges finish, and what is left at the deadline is cut.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, interval, sleep, timeout, timeout_at};

use super::drains::{DrainLog, see_through};
use super::handoff::{Leaver, say_left};
use super::running::Running;
use crate::config::StopTunnels;
use crate::drain::{
    Cause, Drain, DrainPolicy, DrainSummary, Scope, StandingOrder, Stays, StopOrder, TakeBack, seconds,
};
use crate::process::Notifier;
use crate::session::{Phase, Proxy, StopTimes};

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
        let is_served_on = self.delay().is_some() || self.keeps_tunnels();
        self.proxy.enter(if is_served_on { Phase::Leaving } else { Phase::Draining });
    }

    /// Ends politely, or leaves with systemd what can be left; and has the last spans exported.
    pub(super) async fn stop_or_leave(&mut self, notifier: &Notifier) -> Stopped {
        let stopped = if self.keeps_tunnels() { self.leave(notifier).await } else { self.stop().await };
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

    /// Leaves the listening sockets and the open tunnels with systemd for the next start. What cannot be left drains within
    /// `drain.stop.deadline`, and the others are served meanwhile: they stand still from the end of this process on.
    async fn leave(&mut self, notifier: &Notifier) -> Stopped {
        let mut leaver = match Leaver::begin(notifier, &self.proxy).await {
            Ok(leaver) => leaver,
            Err(error) => {
                tracing::warn!(%error, "nothing can be kept for the next start, for all that drain.stop.tunnels is \"keep\": tunnels drain");
                return self.stop().await;
            }
        };
        self.serve_on().await;
        self.take_in_no_more().await;
        if let Err(error) = leaver.leave_state(self).await {
            tracing::warn!(%error, "not all that the next start goes on with can be kept for it");
        }
        self.listeners.leave().await;
        let proxy = &self.proxy;
        let settings = proxy.snapshot().settings.drain;
        let policy = DrainPolicy::new(&settings, settings.stop);
        let order = policy.order(Cause::Stop);
        let deadline = order.deadline;
        proxy.begin_end(Phase::Draining, StopTimes { told_by: Instant::now() + policy.window.spread, deadline });
        let mut drained = BTreeMap::<Stays, usize>::new();
        let staying = leaver.who_stays(&proxy.registry.tunnels(|_| true)).await.into_iter();
        let staying = staying.inspect(|(_, why)| *drained.entry(*why).or_default() += 1).map(|(handle, _)| handle);
        let drain = Drain::of(staying.collect(), order.clone(), &policy);
        let (cause, scope, statuses) = (Cause::Stop, "what cannot be kept", &*proxy.drains);
        let id = statuses.begin(cause, scope.into(), &drain);
        let tunnels = see_through(&DrainLog { id, cause, scope, statuses }, drain, &TakeBack::default()).await;
        proxy.enter(Phase::Closing);
        let _ = timeout_at(deadline, only_tunnels_are_left(proxy)).await;
        let (left, staying) = leaver.leave_tunnels(&proxy.registry.tunnels(|_| true)).await;
        say_left(&left, &drained);
        staying.iter().for_each(|handle| handle.order_close(order.clone()));
        let until = deadline.max(Instant::now() + GONE_WITHIN);
        let _ = timeout_at(until, proxy.workers.emptied()).await;
        let sessions_cut = proxy.open_places();
        self.cut().await;
        Stopped { tunnels, sessions_cut }
    }

    /// Takes in no more tunnels, and waits for those that are on their way here: what a process that has handed over gives away from then on
    /// would be lost with this one.
    async fn take_in_no_more(&self) {
        self.predecessors.turn_away().for_good();
        if timeout(TAKEN_IN_WITHIN, self.predecessors.settled()).await.is_err() {
            tracing::warn!("a process that has handed over does not say that it moves no more open tunnels");
        }
    }

    /// Serves on for `drain.stop.delay`.
    async fn serve_on(&self) {
        if let Some(delay) = self.delay() {
            tracing::info!(delay_seconds = seconds(delay), "not ready any more; serving on for drain.stop.delay");
            sleep(delay).await;
        }
    }

    /// Ends politely, within `drain.stop.delay` and `drain.stop.deadline`.
    pub async fn stop(&mut self) -> Stopped {
        self.begin_stop();
        self.serve_on().await;
        // Others drain better where they are: they have more time there.
        self.predecessors.turn_away().for_good();
        let _ = timeout(SETTLED_WITHIN, self.predecessors.settled()).await;
        let proxy = &self.proxy;
        let settings = proxy.snapshot().settings.drain;
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

    /// Whether open tunnels are left for the next start. One that has handed over leaves none: another process is the service.
    fn keeps_tunnels(&self) -> bool {
        let is_serving = self.proxy.phase() <= Phase::Leaving;
        is_serving && self.proxy.snapshot().settings.drain.stop_tunnels == StopTunnels::Keep
    }

    /// Ends now: whatever is still open is cut.
    pub fn end(self) {
        self.proxy.end_probes();
        drop(self.listeners);
    }
}

/// Waits until nobody is here but tunnels: an exchange that goes on would keep those waiting that stand still.
async fn only_tunnels_are_left(proxy: &Proxy) {
    let mut look = interval(LOOK_EVERY);
    while proxy.open_places() > proxy.registry.len() {
        look.tick().await;
    }
}

/// How long tunnels that are on their way here may take: they are refused by now, but for those of which the answer was given before.
const TAKEN_IN_WITHIN: Duration = Duration::from_secs(10);

/// The same, where those that do not come drain where they are.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked who is left.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Tunnels that are cut at the deadline need that long to be gone.
const GONE_WITHIN: Duration = Duration::from_millis(200);

/// How long what is cut may take to be gone: whoever sends a second signal waits for nothing else.
const CUT_WITHIN: Duration = Duration::from_millis(100);

/// How long the last spans may take: a collector that is there takes a moment.
const SPANS_WITHIN: Duration = Duration::from_secs(3);

/// The same, where somebody wants the process to end at once.
const SPANS_AT_ONCE: Duration = Duration::from_millis(200);
