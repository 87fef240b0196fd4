//! When something last happened in a tunnel, and what is due because nothing did: pure, `now` comes as an argument.
//!
//! A frame costs a store or two; every question is asked only when the timer fires. A side that we do not read from is
//! not judged: its clocks stand still.

use tokio::time::Instant;

use crate::config::{IdleCounts, WebsocketSettings};
use crate::process::Delivery;
use crate::websocket::{PerSide, Side};

/// The clocks of one tunnel.
#[derive(Debug)]
pub(super) struct Activity {
    /// When the last thing happened that counts against `idle_timeout`.
    last: Instant,
    /// When each side was last heard.
    heard: PerSide<Instant>,
    /// How each side's next ping stands.
    ping: PerSide<Ping>,
    /// When `max_lifetime` is over, with this tunnel's jitter.
    ends: Option<Instant>,
}

/// Where the question "are you there?" to one side stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    /// It has been heard recently enough.
    Unneeded,
    /// A ping is wanted or waits in our buffers; no clock runs.
    Waiting,
    /// The ping has left our buffers.
    Asked {
        /// Since when an answer may be expected.
        since: Instant,
        /// How many bytes the side's kernel had taken by then.
        acked: u64,
    },
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A side has been quiet for `ping_every`.
    Ping(Side),
    /// It has not answered within `pong_within`.
    NoPong(Side),
    /// `idle_timeout` is over.
    Idle,
    /// `max_lifetime` is over.
    Lifetime,
}

/// How one side stands at the moment of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// We read from it.
    Read,
    /// We do not: the other side is slow, or a rate holds it back.
    Unread,
}

impl Activity {
    /// The clocks of a tunnel that opens `now`; `jitter` (−1.0 to 1.0) places its lifetime within ± 10 %.
    pub(super) fn new(settings: &WebsocketSettings, now: Instant, jitter: f64) -> Self {
        let ends = settings.max_lifetime.map(|lifetime| now + lifetime.mul_f64(1.0 + jitter.clamp(-1.0, 1.0) / 10.0));
        Self {
            last: now,
            heard: PerSide { client: now, upstream: now },
            ping: PerSide { client: Ping::Unneeded, upstream: Ping::Unneeded },
            ends,
        }
    }

    /// Bytes came from `side`: it is alive.
    pub(super) fn note_heard(&mut self, side: Side, now: Instant) {
        *self.heard.get_mut(side) = now;
        *self.ping.get_mut(side) = Ping::Unneeded;
    }

    /// A frame passed: of a message if `data`, else a control frame.
    pub(super) fn note_frame(&mut self, settings: &WebsocketSettings, data: bool, now: Instant) {
        if data || settings.idle_counts == IdleCounts::Frames {
            self.last = now;
        }
    }

    /// Everything written to `side` has left our buffers, a ping that waited too.
    pub(super) fn note_flushed(&mut self, side: Side, delivery: Option<Delivery>, now: Instant) {
        let ping = self.ping.get_mut(side);
        if *ping == Ping::Waiting {
            *ping = Ping::Asked { since: now, acked: delivery.map_or(0, |delivery| delivery.acked) };
        }
    }

    /// Whether a ping to `side` waits to leave our buffers.
    pub(super) fn is_ping_waiting(&self, side: Side) -> bool {
        *self.ping.get(side) == Ping::Waiting
    }

    /// What is due, if anything; asked again until it is nothing.
    pub(super) fn due(
        &mut self,
        settings: &WebsocketSettings,
        legs: PerSide<Leg>,
        delivery: impl Fn(Side) -> Option<Delivery>,
        now: Instant,
    ) -> Option<Due> {
        for side in [Side::Client, Side::Upstream] {
            if *legs.get(side) == Leg::Unread {
                self.stand_still(side, now);
            } else if let Some(due) = self.ping_due(settings, side, &delivery, now) {
                return Some(due);
            }
        }
        if self.ends.is_some_and(|ends| now >= ends) {
            return Some(Due::Lifetime);
        }
        settings.idle_timeout.is_some_and(|timeout| now >= self.last + timeout).then_some(Due::Idle)
    }

    /// When to ask again.
    pub(super) fn next(&self, settings: &WebsocketSettings) -> Option<Instant> {
        let ping = |side: Side| match *self.ping.get(side) {
            Ping::Unneeded => settings.ping_every.get(side).map(|every| *self.heard.get(side) + every),
            Ping::Waiting => None,
            Ping::Asked { since, .. } => Some(since + settings.pong_within),
        };
        let idle = settings.idle_timeout.map(|timeout| self.last + timeout);
        [ping(Side::Client), ping(Side::Upstream), self.ends, idle].into_iter().flatten().min()
    }

    /// A side that we do not read from can neither be heard nor answer; nor can it let the other one be heard.
    pub(super) fn stand_still(&mut self, side: Side, now: Instant) {
        *self.heard.get_mut(side) = now;
        self.last = now;
        if let Ping::Asked { since, .. } = self.ping.get_mut(side) {
            *since = now;
        }
    }

    fn ping_due(
        &mut self,
        settings: &WebsocketSettings,
        side: Side,
        delivery: impl Fn(Side) -> Option<Delivery>,
        now: Instant,
    ) -> Option<Due> {
        let every = (*settings.ping_every.get(side))?;
        let heard = *self.heard.get(side);
        match self.ping.get_mut(side) {
            ping @ Ping::Unneeded if now >= heard + every => {
                *ping = Ping::Waiting;
                Some(Due::Ping(side))
            }
            Ping::Unneeded | Ping::Waiting => None,
            Ping::Asked { since, acked } => {
                if now < *since + settings.pong_within {
                    return None;
                }
                if let Some(delivery) = delivery(side) {
                    *since = last_taken(&delivery, *acked, now).map_or(*since, |taken| taken.max(*since));
                    *acked = delivery.acked;
                }
                (now >= *since + settings.pong_within).then_some(Due::NoPong(side))
            }
        }
    }
}

/// When the side's kernel last took something of what was written up to the ping: before that, no answer can be due.
/// `None` if it takes nothing: the cable is pulled, or nobody reads.
fn last_taken(delivery: &Delivery, acked: u64, now: Instant) -> Option<Instant> {
    match (delivery.outstanding, delivery.acked > acked) {
        (true, true) => Some(now),
        (true, false) => None,
        (false, _) => now.checked_sub(delivery.since_ack),
    }
}
