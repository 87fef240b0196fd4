//! When something last happened in a tunnel, and what is due because nothing did: pure, `now` comes as an argument.
//!
//! A frame costs a store or two; every question is asked only when the timer fires. A side that we do not read from is
//! not judged: its clocks stand still.

use tokio::time::Instant;

use super::protocol::Protocol;
use crate::config::{IdleCounts, Pongs, WebsocketSettings};
use crate::net::DeliveryTimer;
use crate::process::Delivery;
use crate::websocket::{PerSide, Side};

/// The clocks of one tunnel.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When the last thing happened that counts against `idle_timeout`.
    pub(super) last: Instant,
    /// When something last came from each side.
    pub(super) received: PerSide<Instant>,
    /// Where our next ping to each side stands.
    pub(super) ping: PerSide<Ping>,
    /// A ping of the other side's has gone to this one, and nothing has come back since.
    pub(super) ping_forwarded: PerSide<bool>,
    /// A Pong has come from this side.
    pub(super) has_ponged: PerSide<bool>,
    /// When its `max_lifetime` is over, with this tunnel's jitter.
    pub(super) max: Option<Instant>,
    /// When what let it open holds no longer.
    pub(super) expires: Option<Instant>,
    /// A ping of ours may stand between what passes.
    pub(super) sends_pings: bool,
}

/// Where the question "are you there?" to one side stands.
///
/// ```text
///   Unneeded ──► Wanted ──► Sent ──► Asked ──► no answer: the tunnel ends, unless it is excused
///       ▲ └───────(1)────────▲         │        (1) somebody else's ping is on its way already
///       └──────────────────────────────┘       anything the side sends leads back
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ping {
    /// Something came from it recently enough.
    Unneeded,
    /// A ping goes out at the next frame boundary.
    Wanted,
    /// The ping waits in our buffers; no clock runs.
    Sent,
    /// The ping has left our buffers: an answer may be expected.
    Asked(DeliveryTimer),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A side has not answered within `pong_within`.
    NoPong(Side),
    /// `idle_timeout` is over.
    Idle,
    /// `max_lifetime` is over.
    Lifetime,
    /// What let the tunnel open holds no longer.
    Expired,
}

impl Liveness {
    /// The clocks of a tunnel that opens `now`; `jitter` (−1.0 to 1.0) places its `max_lifetime` within ± 10 %.
    pub(super) fn new(settings: &WebsocketSettings, protocol: Protocol, now: Instant, jitter: f64) -> Self {
        let spread = 1.0 + jitter.clamp(-1.0, 1.0) / 10.0;
        Self {
            last: now,
            received: PerSide { client: now, upstream: now },
            ping: PerSide { client: Ping::Unneeded, upstream: Ping::Unneeded },
            ping_forwarded: PerSide::default(),
            has_ponged: PerSide::default(),
            max: settings.max_lifetime.map(|lifetime| now + lifetime.mul_f64(spread)),
            expires: None,
            sends_pings: protocol.is_websocket(),
        }
    }

    /// Bytes came from `side`: it is alive. Says since when an answer to a ping of ours was waited for, if it was.
    pub(super) fn note_received(&mut self, side: Side, now: Instant) -> Option<Instant> {
        self.received[side] = now;
        self.ping_forwarded[side] = false;
        match std::mem::replace(&mut self.ping[side], Ping::Unneeded) {
            Ping::Asked(timer) => Some(timer.since()),
            Ping::Unneeded | Ping::Wanted | Ping::Sent => None,
        }
    }

    /// A piece of a message passed, or bytes of a raw tunnel.
    pub(super) fn note_data(&mut self, now: Instant) {
        self.last = now;
    }

    /// A control frame passed.
    pub(super) fn note_control(&mut self, settings: &WebsocketSettings, now: Instant) {
        if settings.idle_counts == IdleCounts::Frames {
            self.last = now;
        }
    }

    /// A Pong came from `side`: it knows what pings are.
    pub(super) fn note_pong(&mut self, side: Side) {
        self.has_ponged[side] = true;
    }

    /// A ping of the other side's went to `side`.
    pub(super) fn note_forwarded(&mut self, side: Side) {
        self.ping_forwarded[side] = true;
    }

    /// A ping to `side` was put among what is to be written.
    pub(super) fn note_pinged(&mut self, side: Side) {
        self.ping[side] = Ping::Sent;
    }

    /// Everything written to `side` has left our buffers.
    pub(super) fn note_flushed(&mut self, side: Side, delivery: impl FnOnce() -> Option<Delivery>, now: Instant) {
        let ping = &mut self.ping[side];
        if *ping == Ping::Sent {
            *ping = Ping::Asked(DeliveryTimer::new(delivery(), now));
        }
    }

    /// A side that we do not read from can neither send anything nor answer, as far as we would know; nor can the other one be
    /// sent anything by it.
    pub(super) fn note_unread(&mut self, side: Side, now: Instant) {
        self.received[side] = now;
        self.last = now;
        if let Ping::Asked(timer) = &mut self.ping[side] {
            timer.restart(now);
        }
    }

    /// Whether no ping to `side` waits, neither for a frame boundary nor in our buffers.
    pub(super) fn has_no_ping_waiting(&self, side: Side) -> bool {
        matches!(self.ping[side], Ping::Unneeded | Ping::Asked(_))
    }

    /// Whether a ping to `side` waits for a frame boundary.
    pub(super) fn wants_ping(&self, side: Side) -> bool {
        self.ping[side] == Ping::Wanted
    }

    /// Whether only timers run that move later and never earlier: no answer to a ping is waited for.
    pub(super) fn is_steady(&self) -> bool {
        self.ping.client == Ping::Unneeded && self.ping.upstream == Ping::Unneeded
    }

    /// Looks at the clock: a side that has been quiet for long is to be pinged; the first reason to end, if there is one.
    /// `unread` are the sides that we do not read from.
    pub(super) fn poll_due(
        &mut self,
        settings: &WebsocketSettings,
        unread: PerSide<bool>,
        delivery: impl Fn(Side) -> Option<Delivery>,
        now: Instant,
    ) -> Option<Due> {
        for side in [Side::Client, Side::Upstream] {
            if unread[side] {
                self.note_unread(side, now);
            } else if self.poll_unanswered(settings, side, || delivery(side), now) {
                return Some(Due::NoPong(side));
            }
        }
        if self.ends_at().is_some_and(|ends| now >= ends) {
            return Some(if self.ends_at() == self.expires { Due::Expired } else { Due::Lifetime });
        }
        settings.idle_timeout.is_some_and(|timeout| now >= self.last + timeout).then_some(Due::Idle)
    }

    /// When the next ping to `side` is to be sent, or its answer is to be asked after.
    pub(super) fn next_ping(&self, settings: &WebsocketSettings, side: Side, now: Instant) -> Option<Instant> {
        match self.ping[side] {
            Ping::Unneeded => self.ping_every(settings, side).map(|every| self.received[side] + every),
            Ping::Wanted | Ping::Sent => None,
            Ping::Asked(timer) => Some(timer.next_look(settings.pong_within, now)),
        }
    }

    /// When `idle_timeout` is over, if nothing happens until then.
    pub(super) fn idle_at(&self, settings: &WebsocketSettings) -> Option<Instant> {
        settings.idle_timeout.map(|timeout| self.last + timeout)
    }

    /// When the last thing passed that counts against `idle_timeout`.
    pub(super) fn quiet_since(&self) -> Instant {
        self.last
    }

    /// When its lifetime is over: the earlier of the two ends.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        self.max.into_iter().chain(self.expires).min()
    }

    /// What let it open holds until then.
    pub(super) fn expire_at(&mut self, expires: Option<Instant>) {
        self.expires = expires;
    }

    /// Panics where an invariant does not hold.
    pub(super) fn check_invariants(&self) {
        assert!(self.sends_pings || self.is_steady(), "a ping in a raw tunnel: {self:?}");
    }

    /// Has `side` pinged if it has been quiet for long. Says whether it owes us an answer for too long.
    fn poll_unanswered(
        &mut self,
        settings: &WebsocketSettings,
        side: Side,
        delivery: impl Fn() -> Option<Delivery>,
        now: Instant,
    ) -> bool {
        let is_quiet = self.ping_every(settings, side).is_some_and(|every| now >= self.received[side] + every);
        let is_missing = match &mut self.ping[side] {
            // A peer may answer only the latest ping (RFC 6455 §5.5.3): one that is on its way already asks for us.
            ping @ Ping::Unneeded if is_quiet => {
                *ping = if self.ping_forwarded[side] { Ping::Sent } else { Ping::Wanted };
                false
            }
            Ping::Unneeded | Ping::Wanted | Ping::Sent => false,
            Ping::Asked(timer) => timer.poll_expired(settings.pong_within, &delivery, now),
        };
        if is_missing && self.is_excused(settings, side, delivery) {
            self.ask_again_later(side, now);
            return false;
        }
        is_missing
    }

    /// Whether `side` need not answer: it never has, and its kernel has acknowledged all that was sent to it, our ping too.
    fn is_excused(&self, settings: &WebsocketSettings, side: Side, delivery: impl Fn() -> Option<Delivery>) -> bool {
        let knows_pings = self.has_ponged[side] || settings.pongs[side] == Pongs::Required;
        !knows_pings && delivery().is_some_and(|delivery| !delivery.outstanding)
    }

    /// `side` is asked again in time, by a ping of ours: without one there is nothing that a kernel could acknowledge.
    fn ask_again_later(&mut self, side: Side, now: Instant) {
        self.received[side] = now;
        self.ping[side] = Ping::Unneeded;
        self.ping_forwarded[side] = false;
    }

    fn ping_every(&self, settings: &WebsocketSettings, side: Side) -> Option<std::time::Duration> {
        settings.ping_every[side].filter(|_| self.sends_pings)
    }
}
