//! A tunnel that comes from another process, made anew: it does nothing until it is started.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::moving_tunnel::{MovingTunnel, PlaceNames};
use crate::config::WebsocketSettings;
use crate::drain::{Member, Stays, TunnelId};
use crate::process::SystemMoment;
use crate::session::access_log;
use crate::session::context::Admission;
use crate::session::metering::MeteredLease;
use crate::session::proxy::Proxy;
use crate::session::running_tunnel::RunningTunnel;
use crate::session::tunnel_record::RecordedRequest;
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
        let MovingTunnel { id, frozen, age, client, place, key, record, settings, streams, tunnel } = moving;
        let place = Place::of(&place, &snapshot).ok_or(Stays::Gone)?;
        let settings = self.settings(place.route, settings)?;
        let permit = Arc::clone(&proxy.permits).try_acquire_owned().map_err(|_| Stays::Full)?;
        let at = frozen.instant();
        let opened = at.checked_sub(Duration::from_nanos(age)).unwrap_or(at);
        let seat = proxy.workers.seat();
        let worker = seat.worker();
        let policy = place.upstream.settings.policy;
        let registration = proxy.registry.register_moved((worker, client), place.member, None, (TunnelId(id), opened));
        let lease = MeteredLease::new(place.endpoint.lease(), policy);
        registration.handle().note_joined(record, Arc::clone(&settings));
        let PerSide { client, upstream } = streams;
        let [client_descriptor, upstream_descriptor] = descriptors;
        // Its streams and its timer are the worker's who drives it.
        let tunnel = proxy.workers.on(worker, || {
            let failed = |error| {
                tracing::warn!(tunnel = id, %error, "a tunnel of the process before cannot be taken over");
                Stays::Failed
            };
            let client = client.thaw(client_descriptor).map_err(failed)?;
            let upstream = upstream.thaw(upstream_descriptor).map_err(failed)?;
            tunnel.thaw((client, upstream), settings, registration, at).ok_or(Stays::Failed)
        })?;
        let records = Arc::clone(&proxy.records);
        let running =
            RunningTunnel { tunnel, lease, records, key, kept: None, held: Admission::new(seat, Some(permit)) };
        Ok(Arrived { running, proxy, frozen })
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
        let Self { running, proxy, frozen } = self;
        let handle = running.handle();
        access_log::arrived(&proxy.metrics, handle, RecordedRequest::of(handle).protocol());
        let worker = running.held.worker();
        proxy.workers.employ(worker, running);
        frozen.elapsed()
    }
}
