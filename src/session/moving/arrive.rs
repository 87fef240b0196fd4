//! A tunnel that comes from another process, made anew: it does nothing until it is started.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::moving_tunnel::{KeptValues, MovingTunnel, PlaceNames};
use crate::access::TunnelPlace;
use crate::authorize::Permitted;
use crate::config::{RouteName, WebsocketSettings};
use crate::drain::{Member, Stays, TunnelHandle, TunnelId};
use crate::process::SystemMoment;
use crate::session::access_log;
use crate::session::context::Admission;
use crate::session::kept::Kept;
use crate::session::metering::MeteredLease;
use crate::session::proxy::Proxy;
use crate::session::renewal::{NamedTunnel, owner};
use crate::session::running_tunnel::RunningTunnel;
use crate::session::tunnel_record::{RecordedRequest, TunnelRecord};
use crate::snapshot::{Endpoint, Route, Snapshot, Upstream};
use crate::websocket::PerSide;

/// What tunnels are made of that come from another process.
#[derive(Debug)]
pub(crate) struct Arrivals {
    proxy: Arc<Proxy>,
    /// The limits that some were born with, and that their routes have no more: once for all that have the same.
    settings: Vec<Arc<WebsocketSettings>>,
}

/// A tunnel that waits to be started. Dropped, it closes its descriptors, and says nothing to anybody: the other process has its own.
#[derive(Debug)]
pub(crate) struct Arrived {
    running: RunningTunnel<Admission>,
    proxy: Arc<Proxy>,
    frozen: SystemMoment,
    /// What its messages inflate to is limited no more: what they refer to has not moved.
    is_blind: bool,
    kept: KeptHere,
}

/// What it keeps for as long as it is open. Nobody asks about it again before it is started: the other process does until then.
#[derive(Debug)]
struct KeptHere {
    route: RouteName,
    place: Option<TunnelPlace>,
    permitted: Option<Permitted>,
    named: Option<NamedTunnel>,
}

/// What a tunnel belongs to, as it is here.
struct Place<'s> {
    member: Member,
    route: &'s Route,
    upstream: &'s Upstream,
    endpoint: &'s Arc<Endpoint>,
}

impl Arrivals {
    /// Those that come to this proxy.
    pub(crate) fn new(proxy: Arc<Proxy>) -> Self {
        Self { proxy, settings: Vec::new() }
    }

    /// Makes a tunnel anew over its two descriptors: that of its client's stream, and that of its endpoint's.
    ///
    /// # Errors
    /// Why it cannot be: it stays where it is.
    pub(crate) fn take(&mut self, moving: MovingTunnel, descriptors: [OwnedFd; 2]) -> Result<Arrived, Stays> {
        let proxy = Arc::clone(&self.proxy);
        let snapshot = proxy.snapshot();
        let MovingTunnel { id, frozen, age, client, place: ref names, key, .. } = moving;
        let place = Place::of(names, &snapshot).ok_or(Stays::Gone)?;
        let (at, is_blind) = (frozen.instant(), moving.tunnel.loses_sight());
        let settings = self.settings(place.route, moving.settings)?;
        let record = TunnelRecord::moved_once_more(&moving.record).ok_or(Stays::Failed)?;
        let room = Arc::clone(&proxy.permits).try_acquire_owned().map_err(|_| Stays::Full)?;
        let opened = at.checked_sub(Duration::from_nanos(age)).unwrap_or(at);
        let seat = proxy.workers.seat();
        let (worker, policy) = (seat.worker(), place.upstream.settings.policy);
        let permit = moving.permit.map(|permit| Box::new(permit.thaw(at.into_std())));
        let registration =
            proxy.registry.register_moved((worker, client), place.member, permit, (TunnelId(id), opened));
        let handle = registration.handle();
        handle.traffic().restore(moving.traffic, at);
        record.leave_with(handle, &settings);
        let lease = MeteredLease::new(place.endpoint.lease(), policy, handle.traffic().messages());
        let kept = KeptHere::of(moving.kept, (&proxy, place.route), handle, at).ok_or(Stays::Failed)?;
        // Its streams and its timers are the worker's who drives it.
        let tunnel = proxy.workers.on(worker, || {
            let PerSide { client, upstream } = moving.streams;
            let [client_descriptor, upstream_descriptor] = descriptors;
            let streams = (client.thaw(client_descriptor)?, upstream.thaw(upstream_descriptor)?);
            let thawed = moving.tunnel.thaw(streams, settings, registration, at);
            thawed.ok_or(io::Error::new(io::ErrorKind::InvalidData, "it makes no sense"))
        });
        let tunnel = tunnel.map_err(|error| {
            tracing::warn!(tunnel = id, %error, "a tunnel of the process before cannot go on here: it stays there");
            Stays::Failed
        })?;
        let held = Admission::new(seat, Some(room));
        let running = RunningTunnel { tunnel, lease, records: Arc::clone(&proxy.records), key, kept: None, held };
        Ok(Arrived { running, proxy, frozen, is_blind, kept })
    }

    /// The limits that a tunnel was born with, shared with all that have the same.
    fn settings(&mut self, route: &Route, born: WebsocketSettings) -> Result<Arc<WebsocketSettings>, Stays> {
        if !born.is_bounded() {
            return Err(Stays::Failed);
        }
        let known = [&route.settings.websocket, &route.raw].into_iter().chain(&self.settings);
        if let Some(known) = known.into_iter().find(|known| ***known == born) {
            return Ok(Arc::clone(known));
        }
        let born = Arc::new(born);
        self.settings.push(Arc::clone(&born));
        Ok(born)
    }
}

impl KeptHere {
    /// The same that it has kept elsewhere; `None` where that makes no sense.
    fn of(
        KeptValues { place, permitted, name }: KeptValues,
        (proxy, route): (&Proxy, &Route),
        handle: &Arc<TunnelHandle>,
        frozen: Instant,
    ) -> Option<Self> {
        let name_of_route = &route.settings.name;
        let place = place.and_then(|client| route.doors.turnstile.re_enter(client, &route.settings.access.limits));
        let permitted = match permitted {
            Some(permitted) => Some(permitted.thaw(frozen)?),
            None => None,
        };
        let owner = handle.permit().and_then(|permit| owner(&permit.permission()));
        // From now on, and not from when it starts: this process has the listeners, and whoever prolongs it comes here.
        let named =
            name.zip(owner).and_then(|(id, owner)| proxy.tunnel_names.rename(id, (name_of_route, &owner), handle));
        Some(Self { route: name_of_route.clone(), place, permitted, named })
    }

    /// It goes on here: it is asked about again from now on.
    fn keep(self, proxy: &Proxy, handle: &Arc<TunnelHandle>) -> Option<Box<Kept>> {
        let Self { route, place, permitted, named } = self;
        let watched = permitted.and_then(|permitted| proxy.rechecks.watch(&route, permitted, handle));
        Kept::new(place, watched, named)
    }
}

impl<'s> Place<'s> {
    /// The same names, where this configuration has them all; `None` where one of them is gone, or its endpoint is elsewhere.
    fn of(names: &PlaceNames, snapshot: &'s Snapshot) -> Option<Self> {
        let listener = snapshot.listeners().get(names.listener.as_str())?;
        let route = snapshot.routes().get(names.route.as_str())?;
        let mut branches = route.target.branches();
        let branch = branches.find(|branch| branch.upstream.settings.name.as_str() == names.upstream)?;
        let is_same = |endpoint: &&Arc<Endpoint>| {
            endpoint.name.as_str() == names.endpoint && endpoint.address.to_string() == names.address
        };
        let endpoint = branch.upstream.endpoints().iter().find(is_same)?;
        let member = Member {
            listener: (listener.settings.name.clone(), listener.life.incarnation),
            route: (route.settings.name.clone(), branch.life.incarnation),
            upstream: (branch.upstream.settings.name.clone(), branch.upstream.life.incarnation),
            endpoint: (endpoint.name.clone(), endpoint.life.incarnation),
        };
        Some(Self { member, route, upstream: &branch.upstream, endpoint })
    }
}

impl Arrived {
    /// Goes on here from now on. Returns for how long it stood still.
    pub(crate) fn start(self) -> Duration {
        let Self { mut running, proxy, frozen, is_blind, kept } = self;
        let worker = running.held.worker();
        running.kept = proxy.workers.on(worker, || kept.keep(&proxy, running.handle()));
        let handle = running.handle();
        access_log::arrived(&proxy.metrics, handle, RecordedRequest::of(handle).protocol());
        if is_blind {
            proxy.metrics.tunnel_lost_inflate_limit();
        }
        proxy.workers.employ(worker, running);
        frozen.elapsed()
    }
}
