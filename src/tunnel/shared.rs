//! What the two directions of a tunnel share.

use std::sync::Arc;

use tokio::time::Instant;

use super::closing::{Closing, NextClose};
use super::ending::Ending;
use super::judged::PingPayload;
use super::liveness::Liveness;
use super::parameters::TunnelParameters;
use super::protocol::Protocol;
use crate::config::WebsocketSettings;
use crate::drain::StopOrder;
use crate::websocket::{PerSide, Side};

/// What both directions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Arc<WebsocketSettings>,
    pub(super) protocol: Protocol,
    pub(super) liveness: Liveness,
    pub(super) closing: Option<Box<Closing>>,
    /// The payload of our own pings.
    pub(super) ping_payload: PingPayload,
    /// We do not read from it: its sink is slow, or it is too fast.
    pub(super) unread: PerSide<bool>,
}

impl Shared {
    pub(super) fn new(parameters: TunnelParameters, now: Instant) -> Self {
        let TunnelParameters { settings, protocol } = parameters;
        Self {
            liveness: Liveness::new(&settings, protocol, now, fastrand::f64() * 2.0 - 1.0),
            settings,
            protocol,
            closing: None,
            ping_payload: fastrand::u64(..).to_ne_bytes(),
            unread: PerSide::default(),
        }
    }

    /// Starts the end, unless it has begun: the first cause stands.
    pub(super) fn end(&mut self, ending: Ending, now: Instant) -> &mut Closing {
        self.closing.get_or_insert_with(|| Box::new(Closing::new(ending, &self.settings, self.protocol, now)))
    }

    /// Whether all its timers hold: nothing ends it, or only one direction of a raw tunnel has ended, and the other goes on.
    pub(super) fn goes_on(&self) -> bool {
        self.closing.as_ref().is_none_or(|closing| closing.deadline().waits_for_quiet())
    }

    /// A timer ends what goes on. That one direction had ended before is not the cause; what a drain has set stands.
    pub(super) fn end_what_goes_on(&mut self, ending: Ending, now: Instant) {
        let latest = self.closing.take().and_then(|half_closed| half_closed.deadline().latest());
        let closing = self.end(ending, now);
        if let Some(latest) = latest {
            closing.deadline_mut().hurry(latest);
        }
    }

    /// Whether it may not be open at all by this order, and goes on or ends by a drain.
    pub(super) fn is_superseded_by(&self, order: &StopOrder) -> bool {
        let is_drained = self.closing.as_ref().is_some_and(|closing| closing.is_drained());
        order.cause.forbids() && (is_drained || self.goes_on())
    }

    /// It ends by this order.
    pub(super) fn obey(&mut self, order: StopOrder, now: Instant) -> &mut Closing {
        if order.cause.forbids() { self.forbid(order, now) } else { self.end(Ending::Drained(order), now) }
    }

    /// It may not be open any more. What goes on ends for that, and so does what only drains; whatever else ends it already stands.
    fn forbid(&mut self, order: StopOrder, now: Instant) -> &mut Closing {
        let ending = Ending::Drained(order);
        if self.goes_on() {
            self.end_what_goes_on(ending.clone(), now);
        } else if let Some(closing) = self.closing.as_mut().filter(|closing| closing.is_drained()) {
            closing.supersede(ending.clone(), &self.settings, self.protocol);
        }
        self.end(ending, now)
    }

    /// Whether a frame of ours waits for a boundary in the direction to `side`.
    pub(super) fn has_frame_for(&self, side: Side) -> bool {
        match &self.closing {
            Some(closing) => matches!(closing.next_for(side, false), NextClose::SendClose(..)),
            None => self.liveness.wants_ping(side),
        }
    }

    /// Whether a Close that comes from `side` now goes on to the other one.
    pub(super) fn passes_close(&self, side: Side) -> bool {
        self.closing.as_ref().is_none_or(|closing| closing.passes_close(side))
    }

    /// Which sides were sent a Close so far.
    pub(super) fn close_sent(&self) -> PerSide<bool> {
        let is_sent = |side| self.closing.as_ref().is_some_and(|closing| closing.is_close_sent(side));
        PerSide { client: is_sent(Side::Client), upstream: is_sent(Side::Upstream) }
    }

    /// Panics where an invariant does not hold.
    pub(super) fn check_invariants(&self) {
        self.liveness.check_invariants();
        if let Some(closing) = &self.closing {
            closing.check_invariants(self.protocol);
        }
    }
}
