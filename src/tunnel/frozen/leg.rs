//! One side of a frozen tunnel.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::moment::Moment;
use crate::net::{DeliveryTimer, Spill, Taken, TunnelStream};
use crate::tunnel::leg::{Leg, Read, Waits, Write};

/// One side: what waits for it. That nothing has ended is what makes it movable.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FrozenLeg {
    /// What the stream has not taken, in order; frames of ours too.
    waiting: Vec<u8>,
    /// The stream may hold back what it has taken.
    unflushed: bool,
    /// It takes nothing of what waits.
    blocked: Option<FrozenDelivery>,
}

/// A clock that waits for a side.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct FrozenDelivery {
    since: Moment,
    taken: Taken,
}

impl FrozenDelivery {
    pub(super) fn of(timer: &DeliveryTimer, now: Instant) -> Self {
        Self { since: Moment::of(timer.since(), now), taken: timer.taken() }
    }

    pub(super) fn thaw(self, frozen: Instant) -> DeliveryTimer {
        DeliveryTimer::since_then(self.since.at(frozen), self.taken)
    }
}

impl FrozenLeg {
    pub(super) fn of<S: TunnelStream>(leg: &Leg<S>, now: Instant) -> Self {
        let blocked = match &leg.waits {
            Waits::Room(timer) => Some(FrozenDelivery::of(timer, now)),
            Waits::Nothing | Waits::ReadAfterFailedWrite(_) => None,
        };
        Self { waiting: leg.spill.front().to_vec(), unflushed: leg.unflushed, blocked }
    }

    /// The side as it was, over its `stream`.
    pub(super) fn thaw<S>(self, stream: S, frozen: Instant) -> Leg<S> {
        let mut spill = Spill::default();
        spill.push(&self.waiting);
        let waits = self.blocked.map_or(Waits::Nothing, |blocked| Waits::Room(blocked.thaw(frozen)));
        Leg { stream, spill, unflushed: self.unflushed, waits, write: Write::Open, read: Read::Open }
    }
}
