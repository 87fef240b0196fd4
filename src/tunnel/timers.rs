//! The timers of a tunnel: a table, a line each, and the one sleep that is set for the earliest of them.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::websocket::{PerDirection, PerSide};

/// Further away than any deadline of a tunnel without one.
pub(super) const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// When each timer of a tunnel is due next, or is to be looked at; `None` while it does not run.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimerTable {
    /// `ping_every`: nothing came from the side for so long; `pong_within`: and no answer to our ping.
    pub(super) ping: PerSide<Option<Instant>>,
    /// `idle_timeout`: nothing passed in either direction.
    pub(super) idle: Option<Instant>,
    /// `max_lifetime`, or the end of what the tunnel is permitted where that is earlier.
    pub(super) lifetime: Option<Instant>,
    /// `stall_timeout`: the side takes nothing of what waits for it.
    pub(super) stall: PerSide<Option<Instant>>,
    /// `closing_timeout`, `half_close_timeout` or a drain's deadline: what is left is cut.
    pub(super) close: Option<Instant>,
    /// `closing_timeout`: a write to the side failed, and what it sent before is waited for.
    pub(super) last_read: PerSide<Option<Instant>>,
    /// A rate holds the direction back until then.
    pub(super) pause: PerDirection<Option<Instant>>,
}

impl TimerTable {
    /// The earliest of them.
    pub(super) fn next(&self) -> Option<Instant> {
        let Self { ping, idle, lifetime, stall, close, last_read, pause } = self;
        [
            ping.client,
            ping.upstream,
            *idle,
            *lifetime,
            stall.client,
            stall.upstream,
            *close,
            last_read.client,
            last_read.upstream,
            pause.from_client,
            pause.from_upstream,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// The one sleep of a tunnel.
#[derive(Debug)]
pub(super) struct TunnelTimer {
    sleep: Pin<Box<Sleep>>,
    set_for: SetFor,
}

/// Which timers the sleep was set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SetFor {
    /// None: nobody holds its wake-up.
    Nothing,
    /// Timers that only move later while they run: as long as no other one starts, nothing is due before the sleep is over.
    Steady,
    /// Others too: they may have moved, so the table is consulted again.
    Moving,
}

impl TunnelTimer {
    /// A timer that is over at `deadline`, and has nobody to wake yet.
    pub(super) fn new(deadline: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(deadline)), set_for: SetFor::Nothing }
    }

    /// When it is over.
    pub(super) fn deadline(&self) -> Instant {
        self.sleep.deadline()
    }

    /// Another task polls: the wake-up is nobody's.
    pub(super) fn note_new_waker(&mut self) {
        self.set_for = SetFor::Nothing;
    }

    /// What only moves later has moved sooner, or later by far: the table is to be consulted again.
    pub(super) fn note_moved(&mut self) {
        self.set_for = SetFor::Nothing;
    }

    /// Whether it is time to look at the clock.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.sleep.deadline()
    }

    /// Whether nothing can be due before it is over; `is_steady`: only timers run that move later and never earlier.
    pub(super) fn holds(&self, is_steady: bool, now: Instant) -> bool {
        is_steady && self.set_for == SetFor::Steady && !self.is_over(now)
    }

    /// Sets it to `next`, and has the task woken then. Ready if it is over already, or could not be set now.
    pub(super) fn poll_set(
        &mut self,
        cx: &mut Context<'_>,
        next: Option<Instant>,
        is_steady: bool,
        now: Instant,
    ) -> Poll<()> {
        let next = next.unwrap_or(now + FAR);
        let is_set = self.set_for != SetFor::Nothing && self.sleep.deadline() == next && now < next;
        self.set_for = if is_steady { SetFor::Steady } else { SetFor::Moving };
        if is_set {
            return Poll::Pending;
        }
        if !has_budget_remaining() {
            // It would not take our waker now (tokio's cooperative scheduling): it has to be set in the next poll.
            self.set_for = SetFor::Nothing;
            return Poll::Ready(());
        }
        self.sleep.as_mut().reset(next);
        self.sleep.as_mut().poll(cx)
    }

    /// Panics where something is due before it is over.
    pub(super) fn check_invariants(&self, table: &TimerTable) {
        let is_late = table.next().is_some_and(|next| next < self.sleep.deadline());
        assert!(!is_late || self.set_for == SetFor::Nothing, "set to {:?}, and {table:?}", self.sleep.deadline());
    }
}
