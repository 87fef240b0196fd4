//! When something last happened in a tunnel, and what is due because nothing did: pure, `now` comes as an argument.
//!
//! A frame costs a store or two; every question is asked only when the timer fires. A side that we do not read from is
//! not judged: its clocks stand still.

use tokio::time::Instant;

use crate::config::{IdleCounts, Pongs, WebsocketSettings};
use crate::net::DeliveryTimer;
use crate::process::Delivery;
use crate::websocket::{PerSide, Side};

/// The clocks of one tunnel.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When the last thing happened that counts against `idle_timeout`.
    last: Instant,
    /// When each side was last heard.
    heard: PerSide<Instant>,
    /// How each side's next ping stands.
    ping: PerSide<Ping>,
    /// A ping of the other side's has gone to this one, and nothing has come back since.
    ping_forwarded: PerSide<bool>,
    /// A Pong has come from this side.
    has_ponged: PerSide<bool>,
    /// When `max_lifetime` is over, with this tunnel's jitter.
    ends: Option<Instant>,
    speech: Speech,
}

/// What passes between the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// WebSocket frames: a Ping and a Close of ours may stand among them.
    Frames,
    /// Bytes that we do not understand: all that can be said is a FIN.
    Bytes,
}

/// Where the question "are you there?" to one side stands.
///
/// ```text
///   Unneeded ──► Wanted ──► Sent ──► Asked ──► no answer: the tunnel ends, unless it is excused
///       ▲ └───────(1)────────▲         │        (1) somebody else's ping is on its way already
///       └──────────────────────────────┘       anything the side sends leads back
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    /// It has been heard recently enough.
    Unneeded,
    /// It is to be asked at the next frame boundary.
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
}

impl Liveness {
    /// The clocks of a tunnel that opens `now`; `jitter` (−1.0 to 1.0) places its lifetime within ± 10 %.
    pub(super) fn new(settings: &WebsocketSettings, speech: Speech, now: Instant, jitter: f64) -> Self {
        let ends = settings.max_lifetime.map(|lifetime| now + lifetime.mul_f64(1.0 + jitter.clamp(-1.0, 1.0) / 10.0));
        Self {
            last: now,
            heard: PerSide { client: now, upstream: now },
            ping: PerSide { client: Ping::Unneeded, upstream: Ping::Unneeded },
            ping_forwarded: PerSide::default(),
            has_ponged: PerSide::default(),
            ends,
            speech,
        }
    }

    /// Bytes came from `side`: it is alive. Says whether something of it is due earlier than before.
    pub(super) fn note_heard(&mut self, side: Side, now: Instant) -> bool {
        *self.heard.get_mut(side) = now;
        *self.ping_forwarded.get_mut(side) = false;
        std::mem::replace(self.ping.get_mut(side), Ping::Unneeded) != Ping::Unneeded
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
        *self.has_ponged.get_mut(side) = true;
    }

    /// A ping of the other side's went to `side`.
    pub(super) fn note_forwarded(&mut self, side: Side) {
        *self.ping_forwarded.get_mut(side) = true;
    }

    /// A ping to `side` was put among what is to be written.
    pub(super) fn note_pinged(&mut self, side: Side) {
        *self.ping.get_mut(side) = Ping::Sent;
    }

    /// Everything written to `side` has left our buffers. Says whether a ping did.
    pub(super) fn note_flushed(
        &mut self,
        side: Side,
        delivery: impl FnOnce() -> Option<Delivery>,
        now: Instant,
    ) -> bool {
        let ping = self.ping.get_mut(side);
        let waited = *ping == Ping::Sent;
        if waited {
            *ping = Ping::Asked(DeliveryTimer::new(delivery(), now));
        }
        waited
    }

    /// A side that we do not read from can neither be heard nor answer; nor can it let the other one be heard.
    pub(super) fn stand_still(&mut self, side: Side, now: Instant) {
        *self.heard.get_mut(side) = now;
        self.last = now;
        if let Ping::Asked(timer) = self.ping.get_mut(side) {
            timer.restart(now);
        }
    }

    /// Whether no ping to `side` waits, neither for a frame boundary nor in our buffers.
    pub(super) fn asks_nothing(&self, side: Side) -> bool {
        matches!(self.ping.get(side), Ping::Unneeded | Ping::Asked(_))
    }

    /// Whether a ping to `side` waits for a frame boundary.
    pub(super) fn wants_ping(&self, side: Side) -> bool {
        *self.ping.get(side) == Ping::Wanted
    }

    /// What is due, if anything. `unread` are the sides that we do not read from.
    pub(super) fn due(
        &mut self,
        settings: &WebsocketSettings,
        unread: PerSide<bool>,
        delivery: impl Fn(Side) -> Option<Delivery>,
        now: Instant,
    ) -> Option<Due> {
        for side in [Side::Client, Side::Upstream] {
            if *unread.get(side) {
                self.stand_still(side, now);
            } else if self.is_unanswered(settings, side, || delivery(side), now) {
                return Some(Due::NoPong(side));
            }
        }
        if self.ends.is_some_and(|ends| now >= ends) {
            return Some(Due::Lifetime);
        }
        settings.idle_timeout.is_some_and(|timeout| now >= self.last + timeout).then_some(Due::Idle)
    }

    /// When to ask again.
    pub(super) fn next(&self, settings: &WebsocketSettings, now: Instant) -> Option<Instant> {
        let ping = |side: Side| match *self.ping.get(side) {
            Ping::Unneeded => self.ping_every(settings, side).map(|every| *self.heard.get(side) + every),
            Ping::Wanted | Ping::Sent => None,
            Ping::Asked(timer) => Some(timer.next_look(settings.pong_within, now)),
        };
        let idle = settings.idle_timeout.map(|timeout| self.last + timeout);
        [ping(Side::Client), ping(Side::Upstream), self.ends, idle].into_iter().flatten().min()
    }

    /// Whether `side` owes us an answer for too long; asks it if it has been quiet for long.
    fn is_unanswered(
        &mut self,
        settings: &WebsocketSettings,
        side: Side,
        delivery: impl Fn() -> Option<Delivery>,
        now: Instant,
    ) -> bool {
        let quiet = self.ping_every(settings, side).is_some_and(|every| now >= *self.heard.get(side) + every);
        match self.ping.get_mut(side) {
            // A peer may answer only the latest ping (RFC 6455 §5.5.3): one that is on its way already asks for us.
            ping @ Ping::Unneeded if quiet => {
                *ping = if *self.ping_forwarded.get(side) { Ping::Sent } else { Ping::Wanted };
                false
            }
            Ping::Unneeded | Ping::Wanted | Ping::Sent => false,
            Ping::Asked(timer) => {
                timer.is_missing_for(settings.pong_within, &delivery, now)
                    && !self.is_excused(settings, side, delivery, now)
            }
        }
    }

    /// Whether `side` need not answer: it never has, and its kernel has acknowledged all that was sent to it, our ping too. It is
    /// asked again in time, by a ping of ours: without one there is nothing that a kernel could acknowledge.
    fn is_excused(
        &mut self,
        settings: &WebsocketSettings,
        side: Side,
        delivery: impl Fn() -> Option<Delivery>,
        now: Instant,
    ) -> bool {
        let knows_pings = *self.has_ponged.get(side) || *settings.pongs.get(side) == Pongs::Required;
        if knows_pings || delivery().is_none_or(|delivery| delivery.outstanding) {
            return false;
        }
        *self.heard.get_mut(side) = now;
        *self.ping.get_mut(side) = Ping::Unneeded;
        *self.ping_forwarded.get_mut(side) = false;
        true
    }

    fn ping_every(&self, settings: &WebsocketSettings, side: Side) -> Option<std::time::Duration> {
        match self.speech {
            Speech::Frames => *settings.ping_every.get(side),
            Speech::Bytes => None,
        }
    }
}
