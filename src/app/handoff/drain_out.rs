//! After a handoff: what can move moves to the new process, what is left drains, and then the old process ends.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout, timeout_at};

use super::super::drains::Drains;
use super::super::running::Running;
use super::freezer::Freezer;
use super::move_out::{MovedOut, Mover};
use super::offer::Successor;
use super::report::report;
use crate::config::DrainWindow;
use crate::drain::{Cause, Drain, DrainPolicy, Scope, Spread, StandingOrder, StopOrder, TunnelHandle};
use crate::session::{Phase, StopTimes};

impl Running {
    /// Stops accepting, and moves the tunnels that are here to the new process, where the two agree on that. Once this process `is_stopped`
    /// those that are on their way arrive, and no others leave.
    ///
    /// Not to be given up in the middle by a process that goes on: the new one would keep what it has of the tunnels that are on their way.
    pub(in crate::app) async fn move_out(&mut self, successor: Successor, is_stopped: &AtomicBool) -> MovedOut {
        let Successor { process, channel, takes_tunnels, held } = successor;
        let pid = process.pid();
        process.release();
        self.proxy.enter(Phase::HandedOver);
        // What waits in the queues is shared: whoever is first accepts it.
        let _ = timeout(ACCEPTED_WITHIN, self.listeners.close()).await;
        self.predecessors.release();
        drop(held);
        let channel = Arc::new(channel);
        let (sender, taken) = unbounded_channel();
        let report = report(Arc::clone(&self.proxy), self.drains.clone(), Arc::clone(&channel), sender);
        self.report = JoinSet::new();
        self.report.spawn(report);
        let mut mover = Mover::new(Freezer::new(&self.proxy), channel, taken, is_stopped);
        if !takes_tunnels {
            mover.note_not_agreed();
        }
        let out = mover.move_out(&self.proxy, &self.drains).await;
        out.moved.say(pid);
        out
    }

    /// Drains the tunnels that are `left`, and then those that sessions have opened which were accepted before: they do not move, for
    /// the new process may hand over itself, and then two would hear what is said of them. Ends when everybody has, or at the deadline.
    pub(in crate::app) async fn drain_out(&mut self, left: Vec<Arc<TunnelHandle>>) {
        let settings = self.proxy.snapshot().settings.drain;
        let window = settings.handoff.window;
        // Nobody waits for this drain: a handful has as long as many.
        let policy = DrainPolicy { spread: Spread::Exact, ..DrainPolicy::new(&settings, window) };
        let order = policy.order(Cause::Handoff);
        let told_by = Instant::now() + window.spread;
        self.proxy.begin_end(Phase::HandedOver, StopTimes { told_by, deadline: order.deadline });
        let last_call = order.deadline - LAST_CALL.min(window.deadline / 2);
        let mut known: HashSet<_> = left.iter().map(|handle| handle.id).collect();
        let drain = |newcomers: Vec<Arc<TunnelHandle>>, drains: &Drains| {
            if newcomers.is_empty() {
                return;
            }
            let left = order.deadline.saturating_duration_since(Instant::now());
            let window = DrainWindow { deadline: left, spread: window.spread.min(left) };
            let drain = Drain::of(newcomers, order.clone(), &DrainPolicy { window, ..policy.clone() });
            drains.run(Cause::Handoff, "what is here after the handoff".into(), drain);
        };
        drain(left, &self.drains);
        let mut take_in = interval(TAKE_IN_EVERY);
        while Instant::now() < last_call {
            tokio::select! {
                _ = take_in.tick() => {
                    let mut newcomers = self.proxy.registry.tunnels(|_| true);
                    newcomers.retain(|handle| known.insert(handle.id));
                    drain(newcomers, &self.drains);
                }
                () = self.proxy.workers.emptied() => return,
            }
        }
        self.end_by(order).await;
    }

    /// The last seconds: nothing opens any more, everybody has been told or is told now.
    async fn end_by(&self, order: StopOrder) {
        self.proxy.enter(Phase::Draining);
        let standing = StandingOrder { scope: Scope::All, order: order.clone(), while_alive: None };
        for handle in self.proxy.registry.begin([standing]) {
            handle.order_close(order.clone());
        }
        let emptied = || self.proxy.workers.emptied();
        let _ = timeout_at(order.deadline, emptied()).await;
        self.proxy.enter(Phase::Closing);
        let _ = timeout_at(Instant::now() + GONE_WITHIN, emptied()).await;
        let cut = self.proxy.open_places();
        if cut > 0 {
            tracing::warn!(cut, "the deadline of the handoff has come: what is left is cut");
            self.cut().await;
        }
    }
}

/// How long those who wait in a queue may take to be taken in: whose worker is held up opens later, and drains.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(2);
/// How often tunnels that opened since are taken into the drain.
const TAKE_IN_EVERY: Duration = Duration::from_secs(2);
/// What tunnels that were told have for their closing handshakes at the least, before the deadline.
const LAST_CALL: Duration = Duration::from_secs(5);
/// Tunnels that are cut at the deadline need that long to be gone.
const GONE_WITHIN: Duration = Duration::from_millis(200);
