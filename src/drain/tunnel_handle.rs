//! One open tunnel, as the registry and drains know it: what it belongs to, and the order that it was given.
//!
//! Invariants: a tunnel that has an order has a deadline, and never a later one than its order's. The first order stands, but for
//! one that forbids: the first of those does. Whoever moves the end of what it is permitted wakes it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::policy::StopOrder;
use super::scope::{Member, TunnelId};
use super::whereabouts::{Whereabouts, WhereaboutsCell};
use crate::access::{Permission, Permit};
use crate::config::WebsocketSettings;
use crate::traffic::{TunnelTraffic, Vitals};

/// The registry's side of one open tunnel.
#[derive(Debug)]
pub struct TunnelHandle {
    /// Counts up over the life of the process.
    pub id: TunnelId,
    /// What it belongs to.
    pub member: Arc<Member>,
    /// The client's address, as believed.
    pub client: IpAddr,
    /// Since when it is open.
    pub opened: Instant,
    /// The first order that it was given.
    order: OnceLock<Box<StopOrder>>,
    /// The first that forbids it to be open; there is an `order` too wherever there is this one.
    forbidden: OnceLock<Box<StopOrder>>,
    /// When it ended, in nanoseconds after `opened`; `u64::MAX` while it is open.
    ended: AtomicU64,
    /// The earliest deadline it was given, in nanoseconds after `opened`; a later drain may only shorten it.
    deadline: AtomicU64,
    waker: AtomicWaker,
    /// What goes through it.
    traffic: TunnelTraffic,
    /// Somebody looks at what goes through it.
    tapped: AtomicBool,
    /// Whether it goes on here.
    whereabouts: WhereaboutsCell,
    /// What was asked for, and what it is held to, from when it is joined.
    joined: OnceLock<Joined>,
    /// What it is permitted, where its route asks for that.
    permit: Option<Box<Permit>>,
}

/// What is known of a tunnel once its two streams are joined.
#[derive(Debug)]
struct Joined {
    /// What is kept of its request, as its session has packed it.
    request: Box<[u8]>,
    settings: Arc<WebsocketSettings>,
}

impl TunnelHandle {
    /// The handle of a tunnel that opened then.
    pub(super) fn new(
        (id, opened): (TunnelId, Instant),
        (member, client): (Arc<Member>, IpAddr),
        traffic: TunnelTraffic,
        permit: Option<Box<Permit>>,
    ) -> Self {
        Self {
            id,
            member,
            client,
            opened,
            order: OnceLock::new(),
            forbidden: OnceLock::new(),
            ended: AtomicU64::new(u64::MAX),
            deadline: AtomicU64::new(u64::MAX),
            waker: AtomicWaker::new(),
            traffic,
            tapped: AtomicBool::new(false),
            whereabouts: WhereaboutsCell::here(),
            joined: OnceLock::new(),
            permit,
        }
    }

    /// Gives the tunnel its order. The first one stands; a later one can only bring the deadline nearer. One that
    /// [forbids](super::Cause::forbids) takes the place of one that does not: who drains at leisure may so be ended at once.
    pub fn order_close(&self, order: StopOrder) {
        let nanos = nanoseconds(order.deadline.saturating_duration_since(self.opened));
        self.deadline.fetch_min(nanos, Ordering::Relaxed);
        let order = Box::new(order);
        if order.cause.forbids() {
            let _ = self.forbidden.set(order.clone());
        }
        // The order is published last, so whoever sees it sees the other two.
        let _ = self.order.set(order);
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
        self.wake();
    }

    /// What goes through the tunnel: it alone counts there, and anybody may look.
    #[inline]
    pub fn traffic(&self) -> &TunnelTraffic {
        &self.traffic
    }

    /// For how long nothing has passed, where `vitals` are its own.
    pub fn quiet_for(&self, vitals: &Vitals, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened.max(vitals.last_passed))
    }

    /// Whether somebody looks at what goes through it.
    #[inline]
    pub fn is_tapped(&self) -> bool {
        self.tapped.load(Ordering::Relaxed)
    }

    /// Somebody looks from now on, or nobody does any more.
    pub(super) fn note_tapped(&self, tapped: bool) {
        self.tapped.store(tapped, Ordering::Relaxed);
    }

    /// Whether nobody has asked it to move: its task looks at each poll, and hardly ever there is more to look at.
    #[inline]
    pub fn is_here(&self) -> bool {
        self.whereabouts.is_here()
    }

    /// Where it is, for its task.
    pub fn whereabouts(&self) -> Whereabouts {
        self.whereabouts.get()
    }

    /// Asks it to stand still, and to say all that is known of it. Says whether it was there to be asked.
    pub fn ask_to_freeze(&self) -> bool {
        self.take_step(&[Whereabouts::Here, Whereabouts::Resumed], Whereabouts::Asked)
    }

    /// Takes that back, where it has not answered yet.
    pub fn withdraw(&self) -> bool {
        self.take_step(&[Whereabouts::Asked], Whereabouts::Resumed)
    }

    /// Lets it go on here, where it stands still.
    pub fn resume(&self) {
        self.take_step(&[Whereabouts::Frozen], Whereabouts::Resumed);
    }

    /// Another process goes on with it: its task gives it up, as it stands.
    pub fn note_left(&self) {
        self.take_step(&[Whereabouts::Frozen], Whereabouts::Left);
    }

    /// It stands still as it was asked to. Its task's to say, who polls it no more from then on; says whether it is asked still.
    pub fn note_frozen(&self) -> bool {
        self.whereabouts.step(&[Whereabouts::Asked], Whereabouts::Frozen)
    }

    /// It goes on here, although it was asked to stand still. Its task's to say, who polls it from then on; says whether it is asked still.
    pub fn decline(&self) -> bool {
        self.whereabouts.step(&[Whereabouts::Asked], Whereabouts::Here)
    }

    /// It goes on here, since that is taken back. Its task's to say, who polls it from then on. Not where it was asked once more meanwhile:
    /// whoever did that waits for an answer.
    pub fn settle(&self) -> bool {
        self.whereabouts.step(&[Whereabouts::Resumed], Whereabouts::Here)
    }

    fn take_step(&self, from: &[Whereabouts], to: Whereabouts) -> bool {
        let is_taken = self.whereabouts.step(from, to);
        if is_taken {
            self.wake();
        }
        is_taken
    }

    /// Wakes its task, which stays to be woken: between what it is woken for and this it may have looked already, and left its waker anew.
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            // Before it wakes, for the next one to find. Where the task leaves one at this moment, that is the same.
            self.waker.register(&waker);
            waker.wake();
        }
    }

    /// The tunnel is joined: this is kept of its request, and these are its limits.
    pub fn note_joined(&self, request: Box<[u8]>, settings: Arc<WebsocketSettings>) {
        // It happens once.
        let _ = self.joined.set(Joined { request, settings });
    }

    /// What is kept of its request, as its session has packed it; nothing before it is joined.
    pub fn request(&self) -> &[u8] {
        self.joined.get().map_or(&[], |joined| &joined.request)
    }

    /// Its limits; `None` before it is joined.
    pub fn settings(&self) -> Option<&WebsocketSettings> {
        self.joined.get().map(|joined| &*joined.settings)
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
        self.wake();
        true
    }

    /// Gives what the tunnel is permitted anew, with its end, later or sooner. Says whether it is open for as long, and was permitted
    /// anything: one that has an order ends by that, and one that is closing has ended but for its last words.
    pub fn renew(&self, permission: Permission) -> bool {
        let goes_on = |permit: &&Permit| !permit.is_over() && !self.is_ended() && !self.has_order();
        let Some(permit) = self.permit().filter(goes_on) else { return false };
        permit.renew(permission, Instant::now().into_std(), fastrand::f64());
        self.wake();
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
    #[inline]
    pub fn order(&self) -> Option<StopOrder> {
        // Every poll of a tunnel asks, and hardly any has one.
        self.order.get().map(|first| self.order_now(first))
    }

    #[cold]
    fn order_now(&self, first: &StopOrder) -> StopOrder {
        let order = StopOrder::clone(self.forbidden.get().map_or(first, |order| order));
        let deadline = self.opened + Duration::from_nanos(self.deadline.load(Ordering::Relaxed));
        StopOrder { deadline, ..order }
    }

    /// Wakes `waker` from now on when an order comes, or when its deadline comes nearer.
    pub(super) fn register_waker(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The tunnel is no more, as of now.
    pub(super) fn note_ended(&self) {
        let open = self.opened.elapsed();
        self.traffic.note_ended(open);
        self.ended.store(nanoseconds(open), Ordering::Release);
    }

    /// Panics unless the invariant holds.
    pub(super) fn check_invariants(&self) {
        // In this order: the other one is there before it.
        let (order, forbidden) = (self.order.get(), self.forbidden.get());
        assert!(forbidden.is_none_or(|order| order.cause.forbids()), "tunnel {}: {forbidden:?}", self.id);
        let is_superseded = order.is_some_and(|order| order.cause.forbids()) && forbidden.is_none();
        assert!(!is_superseded, "tunnel {} may not be open by {order:?}, and does not know", self.id);
        for order in order.into_iter().chain(forbidden) {
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

#[cfg(test)]
mod tests {
    use super::super::{Cause, LOCAL_CLIENT};
    use super::*;
    use crate::websocket::CloseCode;

    fn handle() -> TunnelHandle {
        let whose = (Arc::new(Member::of_route("chat")), LOCAL_CLIENT);
        TunnelHandle::new((TunnelId(1), Instant::now()), whose, TunnelTraffic::default(), None)
    }

    fn drain(seconds: u64) -> StopOrder {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        StopOrder { cause: Cause::Operator, code: CloseCode::SERVICE_RESTART, reason: None, deadline }
    }

    fn forbidding(cause: Cause) -> StopOrder {
        StopOrder::forbidding(cause, CloseCode::FORBIDDEN, None)
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_forbids_takes_the_place_of_a_drains_and_of_no_other_that_forbids() {
        let handle = handle();
        handle.order_close(drain(300));
        let revoked = forbidding(Cause::Revoked);
        handle.order_close(revoked.clone());
        assert_eq!(handle.order(), Some(revoked.clone()));
        handle.order_close(forbidding(Cause::Refused));
        handle.order_close(drain(100));
        assert_eq!(handle.order(), Some(revoked));
        handle.check_invariants();
    }

    #[test]
    fn one_that_is_asked_once_more_before_it_goes_on_has_to_answer() {
        let handle = handle();
        assert!(handle.ask_to_freeze() && handle.note_frozen());
        handle.resume();
        assert!(handle.ask_to_freeze());
        assert!(!handle.settle() && handle.whereabouts() == Whereabouts::Asked);
        assert!(handle.withdraw());
        assert!(!handle.decline() && handle.whereabouts() == Whereabouts::Resumed);
        assert!(handle.settle() && handle.is_here());
    }

    #[test]
    fn a_tunnel_of_which_more_can_be_told_is_hardly_larger() {
        assert!(size_of::<Option<Joined>>() <= 24, "{}", size_of::<Option<Joined>>());
        // With the two counts of its `Arc` it is what an allocator gives for up to 256 bytes.
        assert!(size_of::<TunnelHandle>() <= 240, "{}", size_of::<TunnelHandle>());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_forbids_keeps_a_deadline_that_is_nearer() {
        let handle = handle();
        let drain = drain(2);
        handle.order_close(drain.clone());
        handle.order_close(forbidding(Cause::Revoked));
        let order = handle.order().unwrap();
        assert_eq!((order.cause, order.code, order.deadline), (Cause::Revoked, CloseCode::FORBIDDEN, drain.deadline));
        handle.check_invariants();
    }
}
