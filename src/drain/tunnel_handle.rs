//! One open tunnel, as the registry and drains know it: what it belongs to, and the order that it was given.
//!
//! Invariant: a tunnel that has an order has a deadline, and never a later one than its order's. Whoever moves the end of what it
//! is permitted wakes it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::policy::StopOrder;
use super::scope::{Member, TunnelId};
use crate::access::Permit;

/// The registry's side of one open tunnel.
#[derive(Debug)]
pub struct TunnelHandle {
    /// Counts up over the life of the process.
    pub id: TunnelId,
    /// What it belongs to.
    pub member: Member,
    /// Since when it is open.
    pub opened: Instant,
    order: OnceLock<StopOrder>,
    /// When it ended, in nanoseconds after `opened`; `u64::MAX` while it is open.
    ended: AtomicU64,
    /// The earliest deadline it was given, in nanoseconds after `opened`; a later drain may only shorten it.
    deadline: AtomicU64,
    waker: AtomicWaker,
    /// What it is permitted, where its route asks for that.
    permit: Option<Box<Permit>>,
}

impl TunnelHandle {
    /// The handle of a tunnel that opens now.
    pub(super) fn new(id: TunnelId, member: Member, permit: Option<Box<Permit>>) -> Self {
        Self {
            id,
            member,
            opened: Instant::now(),
            order: OnceLock::new(),
            ended: AtomicU64::new(u64::MAX),
            deadline: AtomicU64::new(u64::MAX),
            waker: AtomicWaker::new(),
            permit,
        }
    }

    /// Gives the tunnel its order. The first one stands; a later one can only bring the deadline nearer.
    pub fn order_close(&self, order: StopOrder) {
        let nanos = nanoseconds(order.deadline.saturating_duration_since(self.opened));
        self.deadline.fetch_min(nanos, Ordering::Relaxed);
        // The order is published after the deadline, so whoever sees the first sees the second.
        let _ = self.order.set(order);
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
        self.waker.wake();
    }

    /// What the tunnel is permitted; `None` where nobody was asked.
    pub fn permit(&self) -> Option<&Permit> {
        self.permit.as_deref()
    }

    /// Moves the end of what the tunnel is permitted to before `until`, later or sooner; `None`: it has none. Says whether it is
    /// open, and was permitted anything.
    pub fn move_end(&self, until: Option<std::time::Instant>) -> bool {
        let Some(permit) = self.permit().filter(|_| !self.is_ended()) else { return false };
        permit.move_end(until, Instant::now().into_std(), fastrand::f64());
        self.waker.wake();
        true
    }

    /// Whether the tunnel is no more.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) != u64::MAX
    }

    /// Whether its deadline, the earliest that it was given until `now`, found it open.
    pub fn is_cut(&self, now: Instant) -> bool {
        let until = nanoseconds(now.saturating_duration_since(self.opened));
        self.ended.load(Ordering::Acquire).min(until) >= self.deadline.load(Ordering::Relaxed)
    }

    /// Whether it was given an order.
    pub fn has_order(&self) -> bool {
        self.order.get().is_some()
    }

    /// The order, with the earliest deadline that was given so far.
    pub fn order(&self) -> Option<StopOrder> {
        let order = self.order.get()?.clone();
        let deadline = self.opened + Duration::from_nanos(self.deadline.load(Ordering::Relaxed));
        Some(StopOrder { deadline, ..order })
    }

    /// Wakes `waker` from now on when an order comes, or when its deadline comes nearer.
    pub(super) fn register_waker(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The tunnel is no more, as of now.
    pub(super) fn note_ended(&self) {
        self.ended.store(nanoseconds(self.opened.elapsed()), Ordering::Release);
    }

    /// Panics unless the invariant holds.
    pub(super) fn check_invariants(&self) {
        if let Some(order) = self.order.get() {
            let latest = nanoseconds(order.deadline.saturating_duration_since(self.opened));
            let deadline = self.deadline.load(Ordering::Relaxed);
            assert!(deadline <= latest, "tunnel {} ends {} ns later than it was told", self.id, deadline - latest);
        }
    }
}

/// Below `u64::MAX`, which means never.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX - 1)
}
