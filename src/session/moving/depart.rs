//! What is known of a tunnel that stands still.

use std::os::fd::{BorrowedFd, OwnedFd};

use tokio::time::Instant;

use super::moving_tunnel::{KeptValues, MovingTunnel, PlaceNames};
use crate::access::{FrozenPermit, TunnelPlace};
use crate::authorize::{FrozenPermitted, Watched};
use crate::drain::Stays;
use crate::net::{CannotMove, FrozenStream, Stream};
use crate::process::SystemMoment;
use crate::session::kept::Kept;
use crate::session::metering::MeteredLease;
use crate::traffic::FrozenTraffic;
use crate::tunnel::{FrozenTunnel, Tunnel};
use crate::websocket::PerSide;

/// A tunnel that stands still: what is known of it, and its two descriptors once more.
#[derive(Debug)]
pub(crate) struct Departing {
    /// All but the descriptors.
    pub(crate) tunnel: MovingTunnel,
    /// That of the client's stream, and that of the endpoint's.
    pub(crate) descriptors: [OwnedFd; 2],
}

impl Departing {
    /// What is known of `open` now, whose client is known by `key`. Nothing is taken from it: it can go on as if nobody had asked.
    ///
    /// # Errors
    /// Why it stays.
    pub(in crate::session) fn of(
        open: &Tunnel<Stream, Stream>,
        lease: &MeteredLease,
        kept: Option<&Kept>,
        key: u64,
    ) -> Result<Box<Self>, Stays> {
        let (now, frozen) = (Instant::now(), SystemMoment::now());
        let handle = open.handle();
        let tunnel = FrozenTunnel::of(open, now).map_err(|_ending| Stays::Ending)?;
        let (client, client_descriptor) = FrozenStream::of(open.client())?;
        let (upstream, upstream_descriptor) = FrozenStream::of(open.upstream())?;
        let descriptors = [duplicate(client_descriptor)?, duplicate(upstream_descriptor)?];
        let member = &handle.member;
        let place = PlaceNames {
            listener: member.listener.0.to_string(),
            route: member.route.0.to_string(),
            upstream: member.upstream.0.to_string(),
            endpoint: member.endpoint.0.to_string(),
            address: lease.endpoint().address.to_string(),
        };
        let tunnel = MovingTunnel {
            id: handle.id.0,
            frozen,
            age: nanoseconds(now, handle.opened),
            client: handle.client,
            place,
            permit: handle.permit().map(|permit| FrozenPermit::of(permit, now.into_std())),
            kept: kept.map(|kept| KeptValues::of(kept, now)).unwrap_or_default(),
            traffic: FrozenTraffic::of(handle.traffic(), now),
            key,
            record: handle.request().into(),
            settings: open.settings().clone(),
            streams: PerSide { client, upstream },
            tunnel,
        };
        Ok(Box::new(Self { tunnel, descriptors }))
    }
}

impl KeptValues {
    fn of(Kept { place, watched, named }: &Kept, now: Instant) -> Self {
        let permitted = watched.as_ref().and_then(Watched::permitted);
        Self {
            place: place.as_ref().map(TunnelPlace::client),
            permitted: permitted.map(|permitted| FrozenPermitted::of(&permitted, now)),
            name: named.as_ref().map(|named| named.id),
        }
    }
}

/// The same once more: what it stands for goes on with either. Nothing but the limit of descriptors keeps the system from it.
fn duplicate(descriptor: BorrowedFd<'_>) -> Result<OwnedFd, Stays> {
    descriptor.try_clone_to_owned().map_err(|_| Stays::Full)
}

impl From<CannotMove> for Stays {
    fn from(why: CannotMove) -> Self {
        match why {
            CannotMove::Tls12 => Self::Tls12,
            CannotMove::Http2 => Self::Http2,
            CannotMove::Ending => Self::Ending,
        }
    }
}

fn nanoseconds(now: Instant, since: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(since).as_nanos()).unwrap_or(u64::MAX)
}
