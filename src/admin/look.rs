//! What can be told by looking: the status and the gauges.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::notes::Notes;
use super::wire::{
    DrainState, DrainStatus, EndpointStatus, ListenerStatus, PredecessorStatus, ReloadsStatus, RouteStatus, Status,
    UpstreamStatus,
};
use crate::drain::{DrainEnd, DrainNote, Incarnation, Ticket};
use crate::metrics::{DrainGauge, Gauges, ReloadCounts, TunnelsOpen};
use crate::process::{Predecessor, Predecessors};
use crate::session::{Phase, Proxy};
use crate::snapshot::Snapshot;

/// How things stand, for people and their scripts.
pub(super) fn status(proxy: &Proxy, notes: &Notes, predecessors: &Predecessors) -> Status {
    let snapshot = proxy.snapshot();
    let tunnels = Tunnels::count(proxy, &snapshot);
    let ReloadCounts { changed, unchanged, refused } = proxy.metrics.reloads();
    let listeners = notes.listeners().into_iter().map(|(name, address)| ListenerStatus {
        tls: snapshot.listeners().get(&name).is_some_and(|listener| listener.tls().is_some()),
        name: name.to_string(),
        address: address.to_string(),
    });
    let routes = snapshot.routes().values().map(|route| RouteStatus {
        name: route.settings.name.to_string(),
        upstream: route.settings.upstream.to_string(),
        tunnels: tunnels.of(route.life.incarnation),
    });
    let upstreams = snapshot.upstreams().values().map(|upstream| UpstreamStatus {
        name: upstream.settings.name.to_string(),
        endpoints: upstream
            .endpoints()
            .iter()
            .map(|endpoint| EndpointStatus {
                name: endpoint.name.to_string(),
                address: endpoint.address.to_string(),
                tunnels: tunnels.of(endpoint.life.incarnation),
                draining: endpoint.is_draining(),
            })
            .collect(),
    });
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        config: notes.file.clone(),
        uptime_seconds: notes.since.elapsed().as_secs(),
        phase: proxy.phase().as_str().to_owned(),
        generation: snapshot.generation,
        reloads: ReloadsStatus { changed, unchanged, refused, last_refusal: notes.last_refusal() },
        sessions: proxy.open_places().saturating_sub(tunnels.all),
        tunnels: tunnels.all,
        tunnels_of_what_is_gone: tunnels.of_what_is_gone,
        listeners: listeners.collect(),
        routes: routes.collect(),
        upstreams: upstreams.collect(),
        predecessors: predecessors
            .list()
            .into_iter()
            .map(|Predecessor { pid, tunnels }| PredecessorStatus { pid, tunnels })
            .collect(),
        drains: proxy.drains.all().into_iter().map(drain).collect(),
    }
}

/// How things stand, for Prometheus.
pub(super) fn gauges(proxy: &Proxy, notes: &Notes) -> Gauges {
    let snapshot = proxy.snapshot();
    let mut open = BTreeMap::new();
    proxy.registry.each(|ticket| {
        let member = &ticket.member;
        // Names are cheap to clone.
        let names = (member.route.0.clone(), member.upstream.0.clone(), member.endpoint.0.clone());
        *open.entry(names).or_insert(0) += 1;
    });
    let all = open.values().sum();
    let endpoints = snapshot.upstreams().values().flat_map(|upstream| {
        let name = &upstream.settings.name;
        upstream.endpoints().iter().map(|it| (name.clone(), it.name.clone(), it.is_draining()))
    });
    let under_way = proxy.drains.all().into_iter().filter(|note| note.end.is_none());
    Gauges {
        generation: snapshot.generation,
        is_ready: proxy.phase() == Phase::Serving && !proxy.is_full(),
        sessions: proxy.open_places().saturating_sub(all),
        tunnels: open
            .into_iter()
            .map(|((route, upstream, endpoint), count)| TunnelsOpen { route, upstream, endpoint, count })
            .collect(),
        endpoints: endpoints.collect(),
        listeners: notes.listeners(),
        drains: under_way.map(drain_gauge).collect(),
    }
}

/// The open tunnels, counted in one look at the registry.
struct Tunnels {
    all: usize,
    of_what_is_gone: usize,
    by_life: BTreeMap<u64, usize>,
}

impl Tunnels {
    fn count(proxy: &Proxy, snapshot: &Snapshot) -> Self {
        let mut tunnels = Self { all: 0, of_what_is_gone: 0, by_life: BTreeMap::new() };
        proxy.registry.each(|ticket| {
            tunnels.all += 1;
            tunnels.of_what_is_gone += usize::from(!is_there(snapshot, ticket));
            for Incarnation(life) in [ticket.member.route.1, ticket.member.endpoint.1] {
                *tunnels.by_life.entry(life).or_insert(0) += 1;
            }
        });
        tunnels
    }

    fn of(&self, life: Incarnation) -> usize {
        self.by_life.get(&life.0).copied().unwrap_or(0)
    }
}

/// Whether what a tunnel stands on is still configured.
fn is_there(snapshot: &Snapshot, ticket: &Arc<Ticket>) -> bool {
    let member = &ticket.member;
    let listener = snapshot.listeners().get(&member.listener.0).map(|it| it.life.incarnation);
    let route = snapshot.routes().get(&member.route.0);
    let endpoint = route.and_then(|route| route.upstream.endpoints().iter().find(|it| it.name == member.endpoint.0));
    listener == Some(member.listener.1)
        && route.is_some_and(|route| route.life.incarnation == member.route.1)
        && endpoint.is_some_and(|endpoint| endpoint.life.incarnation == member.endpoint.1)
}

fn drain(note: DrainNote) -> DrainStatus {
    let progress = note.progress;
    DrainStatus {
        id: note.id,
        cause: note.cause.to_string(),
        scope: note.scope,
        state: match note.end {
            None => DrainState::Running,
            Some(DrainEnd::Complete) => DrainState::Complete,
            Some(DrainEnd::TakenBack) => DrainState::TakenBack,
        },
        tunnels: progress.tunnels,
        left: progress.left,
        told: progress.told,
        closed: progress.closed,
        cut: progress.cut,
        ends_in_seconds: progress.ends_at.saturating_duration_since(Instant::now()).as_secs(),
        raised_to_per_second: note.raised_to,
    }
}

fn drain_gauge(note: DrainNote) -> DrainGauge {
    let progress = note.progress;
    DrainGauge {
        id: note.id,
        cause: note.cause.as_str(),
        scope: note.scope,
        left: progress.left,
        told: progress.told,
        closed: progress.closed,
        cut: progress.cut,
        ends_in: progress.ends_at.saturating_duration_since(Instant::now()),
    }
}
