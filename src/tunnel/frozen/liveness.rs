//! The clocks of a frozen tunnel.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::leg::FrozenDelivery;
use crate::moment::Moment;
use crate::tunnel::liveness::{Liveness, Ping};
use crate::tunnel::protocol::Protocol;
use crate::websocket::PerSide;

/// The clocks, but for the end of what it is permitted: that is its registration's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FrozenLiveness {
    last: Moment,
    received: PerSide<Moment>,
    ping: PerSide<FrozenPing>,
    ping_forwarded: PerSide<bool>,
    has_ponged: PerSide<bool>,
    /// When its `max_lifetime` is over, with its own jitter.
    max: Option<Moment>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum FrozenPing {
    Unneeded,
    Wanted,
    Sent,
    Asked(FrozenDelivery),
}

impl FrozenLiveness {
    pub(super) fn of(liveness: &Liveness, now: Instant) -> Self {
        let Liveness { last, received, ping, ping_forwarded, has_ponged, max, expires: _, sends_pings: _ } = liveness;
        let frozen = |ping| match ping {
            Ping::Unneeded => FrozenPing::Unneeded,
            Ping::Wanted => FrozenPing::Wanted,
            Ping::Sent => FrozenPing::Sent,
            Ping::Asked(timer) => FrozenPing::Asked(FrozenDelivery::of(&timer, now)),
        };
        Self {
            last: Moment::of(*last, now),
            received: received.map(|at| Moment::of(at, now)),
            ping: ping.map(frozen),
            ping_forwarded: *ping_forwarded,
            has_ponged: *has_ponged,
            max: max.map(|max| Moment::of(max, now)),
        }
    }

    /// The clocks as they stood; `None` where those of a raw tunnel wait for a Pong.
    pub(super) fn thaw(self, protocol: Protocol, frozen: Instant) -> Option<Liveness> {
        let thawed = |ping| match ping {
            FrozenPing::Unneeded => Ping::Unneeded,
            FrozenPing::Wanted => Ping::Wanted,
            FrozenPing::Sent => Ping::Sent,
            FrozenPing::Asked(timer) => Ping::Asked(timer.thaw(frozen)),
        };
        let liveness = Liveness {
            last: self.last.at(frozen),
            received: self.received.map(|at| at.at(frozen)),
            ping: self.ping.map(thawed),
            ping_forwarded: self.ping_forwarded,
            has_ponged: self.has_ponged,
            max: self.max.map(|max| max.at(frozen)),
            expires: None,
            sends_pings: protocol.is_websocket(),
        };
        (liveness.sends_pings || liveness.is_steady()).then_some(liveness)
    }
}
