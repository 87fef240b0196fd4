//! The whole of a frozen tunnel.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::filter::FrozenFilter;
use super::leg::FrozenLeg;
use super::liveness::FrozenLiveness;
use crate::config::WebsocketSettings;
use crate::drain::Registration;
use crate::moment::Moment;
use crate::net::TunnelStream;
use crate::tunnel::judged::PingPayload;
use crate::tunnel::parameters::TunnelParameters;
use crate::tunnel::permitted;
use crate::tunnel::protocol::Protocol;
use crate::tunnel::pump::Tunnel;
use crate::tunnel::shared::Shared;
use crate::tunnel::timers::TunnelTimer;
use crate::websocket::{Direction, PerDirection, PerSide};

/// A tunnel that goes on, between two of its polls.
#[derive(Debug, Serialize, Deserialize)]
pub struct FrozenTunnel {
    protocol: Protocol,
    legs: PerSide<FrozenLeg>,
    filters: PerDirection<FrozenFilter>,
    liveness: FrozenLiveness,
    /// The payload of its own pings.
    ping_payload: PingPayload,
    /// Sides that are not read from.
    unread: PerSide<bool>,
    /// When its one sleep is over.
    timer: Moment,
}

/// It has begun to end: that is sooner over than moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is ending")]
pub struct Unfreezable;

impl FrozenTunnel {
    /// `tunnel`, as it is `now`. Only one of the two may go on.
    ///
    /// # Errors
    /// It has begun to end, or is told to.
    pub fn of<C: TunnelStream, U: TunnelStream>(tunnel: &Tunnel<C, U>, now: Instant) -> Result<Self, Unfreezable> {
        let Tunnel { client, upstream, from_client, from_upstream, shared, registration, obeyed, timer, waker: _ } =
            tunnel;
        let goes_on = shared.closing.is_none() && client.is_open() && upstream.is_open();
        if !goes_on || obeyed.is_some() || registration.handle().has_order() {
            return Err(Unfreezable);
        }
        Ok(Self {
            protocol: shared.protocol,
            legs: PerSide { client: FrozenLeg::of(client, now), upstream: FrozenLeg::of(upstream, now) },
            filters: PerDirection {
                from_client: FrozenFilter::of(from_client, now),
                from_upstream: FrozenFilter::of(from_upstream, now),
            },
            liveness: FrozenLiveness::of(&shared.liveness, now),
            ping_payload: shared.ping_payload,
            unread: shared.unread,
            timer: Moment::of(timer.deadline(), now),
        })
    }

    /// Whether a limit on what messages inflate to is lost: what later ones refer to is more than is worth moving.
    pub fn loses_sight(&self) -> bool {
        self.filters.from_client.loses_sight() || self.filters.from_upstream.loses_sight()
    }

    /// The tunnel as it was at `frozen`, over its two streams, under the `settings` that it was born with. It does nothing until it is
    /// polled, which it is to be at once. `None` where there could be no such one under these.
    pub fn thaw<C: TunnelStream, U: TunnelStream>(
        self,
        (client, upstream): (C, U),
        settings: Arc<WebsocketSettings>,
        registration: Registration,
        frozen: Instant,
    ) -> Option<Tunnel<C, U>> {
        let protocol = self.protocol;
        let parameters = TunnelParameters { settings, protocol };
        let PerDirection { from_client, from_upstream } = self.filters;
        let from_client = from_client.thaw(&parameters, Direction::FromClient, frozen)?;
        let from_upstream = from_upstream.thaw(&parameters, Direction::FromUpstream, frozen)?;
        let mut liveness = self.liveness.thaw(protocol, frozen)?;
        liveness.expire_at(permitted::end(&registration));
        let shared = Shared {
            settings: parameters.settings,
            protocol,
            liveness,
            closing: None,
            ping_payload: self.ping_payload,
            unread: self.unread,
        };
        let client = self.legs.client.thaw(client, frozen);
        let upstream = self.legs.upstream.thaw(upstream, frozen);
        let timer = TunnelTimer::new(self.timer.at(frozen));
        Some(Tunnel {
            client,
            upstream,
            from_client,
            from_upstream,
            shared,
            registration,
            obeyed: None,
            timer,
            waker: None,
        })
    }
}
