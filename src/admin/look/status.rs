//! What can be told by looking: the status and the gauges.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::certificates::certificate_ends;
use super::not_served::{failing, not_served};
use super::notes::Notes;
use super::totals::Tunnels;
use crate::admin::context::Context;
use crate::admin::predecessors::{Answered, Held, Holdings, drain_status};
use crate::admin::wire::{
    BranchStatus, CauseStatus, CertificateStatus, EndpointStatus, ListenerStatus, PredecessorStatus, ReloadsStatus,
    RouteStatus, STATUS_SCHEMA, Status, UpstreamSource, UpstreamStatus, order_gauge,
};
use crate::config::{EndpointRole, UpstreamName};
use crate::discovery::SourceStatus;
use crate::drain::DrainEntry;
use crate::handoff::Predecessor;
use crate::metrics::{
    DrainGauge, EndpointGauge, Gauges, HandshakesGauge, NamesGauge, ReloadCounts, SourceGauge, TunnelsOpen,
};
use crate::process::{unix_seconds, usage};
use crate::queue::Gate;
use crate::resolver::ResolverStatus;
use crate::session::{Phase, Proxy};
use crate::snapshot::{Branch, Endpoint, Route, StateCause, Upstream};
use crate::traffic::RouteTraffic;

/// How things stand, for people and their scripts; `predecessors` is what those answered that handed over.
pub(in crate::admin) fn status(proxy: &Proxy, notes: &Notes, predecessors: Vec<Answered<Holdings>>) -> Status {
    let snapshot = proxy.snapshot();
    let tunnels = Tunnels::count(proxy);
    let elsewhere = Elsewhere::of(&predecessors);
    let told_elsewhere = elsewhere.sum(|_| true);
    let ReloadCounts { changed, unchanged, refused } = proxy.metrics.reloads();
    let listeners = notes.listeners().into_iter().map(|(name, address)| ListenerStatus {
        tls: snapshot.listeners().get(&name).is_some_and(|listener| listener.tls().is_some()),
        name: name.to_string(),
        address: address.to_string(),
    });
    let routes = snapshot.routes().values().map(|route| RouteStatus {
        name: route.settings.name.to_string(),
        upstream: upstreams_of(route),
        split: split(route, &tunnels, &elsewhere),
        tunnels: route.target.branches().map(|branch| tunnels.of(branch.life.incarnation)).sum::<usize>()
            + elsewhere.of_route(route),
        tunnels_of_predecessors: elsewhere.of_route(route),
    });
    let upstreams = snapshot.upstreams().values().map(|upstream| UpstreamStatus {
        name: upstream.settings.name.to_string(),
        source: proxy.sources.of(&upstream.settings.name).map(upstream_source),
        not_served: not_served(upstream),
        endpoints: upstream
            .endpoints()
            .iter()
            .map(|endpoint| EndpointStatus {
                name: endpoint.name.to_string(),
                address: endpoint.address.to_string(),
                tunnels: tunnels.of(endpoint.life.incarnation) + elsewhere.of_endpoint(upstream, endpoint),
                tunnels_of_predecessors: elsewhere.of_endpoint(upstream, endpoint),
                draining: endpoint.state().is_drained(),
                state: endpoint.state().as_str().to_owned(),
                causes: endpoint.causes().into_iter().map(cause).collect(),
                failing: failing(endpoint),
            })
            .collect(),
    });
    Status {
        schema_version: STATUS_SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        config: notes.file.clone(),
        uptime_seconds: notes.since.elapsed().as_secs(),
        counting_since: notes.since_unix_seconds,
        phase: proxy.phase().as_str().to_owned(),
        generation: snapshot.generation,
        reloads: ReloadsStatus {
            changed,
            unchanged,
            refused,
            last_refusal: notes.last_refusal(),
            last: notes.reloads(),
        },
        sessions: proxy.open_places().saturating_sub(tunnels.all()),
        tunnels: tunnels.all() + told_elsewhere,
        tunnels_of_predecessors: told_elsewhere,
        tunnels_of_what_is_gone: tunnels.of_what_is_gone(&snapshot) + elsewhere.sum(|held| !held.stands_on(&snapshot)),
        listeners: listeners.collect(),
        routes: routes.collect(),
        upstreams: upstreams.collect(),
        certificates: proxy.certificates.all().into_iter().map(CertificateStatus::of).collect(),
        predecessors: predecessors.iter().map(predecessor).collect(),
        drains: proxy.drains.all().into_iter().map(drain_status).collect(),
    }
}

/// How things stand, for Prometheus; `predecessors` is what those answered that handed over.
pub(in crate::admin) fn gauges(context: &Context, predecessors: &[Answered<Holdings>]) -> Gauges {
    let Context { proxy, notes, .. } = context;
    let snapshot = proxy.snapshot();
    let mut open = BTreeMap::new();
    for route in snapshot.routes().values() {
        let upstreams = route.target.branches().map(|branch| &branch.upstream);
        for (upstream, endpoint) in upstreams.flat_map(|it| it.endpoints().iter().map(move |endpoint| (it, endpoint))) {
            let names = (route.settings.name.clone(), upstream.settings.name.clone(), endpoint.name.clone());
            // An alert has to see the 0, not the absence of a number.
            open.insert(names, 0);
        }
    }
    let tunnels = Tunnels::count(proxy);
    for (member, count) in tunnels.places() {
        let names = (member.route.0.clone(), member.upstream.0.clone(), member.endpoint.0.clone());
        *open.entry(names).or_insert(0) += count;
    }
    let endpoints = snapshot.upstreams().values().flat_map(|upstream| {
        let name = &upstream.settings.name;
        upstream.endpoints().iter().map(|it| EndpointGauge {
            upstream: name.clone(),
            endpoint: it.name.clone(),
            state: it.state(),
            load: it.tunnels(),
            connect_failures: it.connect_failures(),
            health: it.health_counts(),
            handshakes: upstream.settings.handshakes_at_once.and(it.gate()).map(|gate| handshakes(gate)),
        })
    });
    let sources = proxy.sources.all().into_iter().map(|(name, status)| {
        let upstream = snapshot.upstreams().get(&name);
        let of_role = |role| {
            let endpoints = upstream.map(|upstream| &*upstream.settings.endpoints).unwrap_or_default();
            (role, endpoints.iter().filter(|endpoint| endpoint.role == role).count())
        };
        let endpoints = [EndpointRole::Ready, EndpointRole::Backup, EndpointRole::Leaving].map(of_role);
        let SourceStatus { source, age, failures, refused, .. } = status;
        SourceGauge { upstream: name, source, age, failures, refused, endpoints }
    });
    let limited = snapshot.upstreams().values().filter(|upstream| upstream.settings.max_tunnels.is_some());
    let waiting = limited.map(|upstream| (upstream.settings.name.clone(), upstream.places.waiting()));
    let retries = snapshot.upstreams().values().map(|it| (it.settings.name.clone(), it.retries.counts()));
    let under_way = proxy.drains.all().into_iter().filter(|note| note.end.is_none());
    // A rate has to begin with 0.
    let mut traffic: BTreeMap<_, _> =
        snapshot.routes().keys().map(|route| (route.clone(), RouteTraffic::default())).collect();
    traffic.extend(proxy.registry.traffic().by_route());
    Gauges {
        counting_since: notes.since_unix_seconds,
        generation: snapshot.generation,
        is_ready: proxy.phase() == Phase::Serving && !proxy.is_full(),
        sessions: proxy.open_places().saturating_sub(tunnels.all()),
        most_tunnels: proxy.most_tunnels,
        tunnels: open
            .into_iter()
            .map(|((route, upstream, endpoint), count)| TunnelsOpen { route, upstream, endpoint, count })
            .collect(),
        tunnels_of_predecessors: Elsewhere::of(predecessors).by_place(),
        predecessors: predecessors.len(),
        endpoints: endpoints.collect(),
        names: proxy.resolver().map(|resolver| names(resolver.status())).unwrap_or_default(),
        sources: sources.collect(),
        ordered: proxy.certificates.all().into_iter().map(order_gauge).collect(),
        keys: snapshot.key_sources().map(|(route, source)| (route.settings.name.clone(), source.counts())).collect(),
        waiting: waiting.collect(),
        retries: retries.collect(),
        listeners: notes.listeners(),
        certificates: certificate_ends(context),
        time: i64::try_from(unix_seconds()).unwrap_or(i64::MAX),
        process: usage(),
        allocator: context.allocator.and_then(|read| read()),
        drains: under_way.map(drain_gauge).collect(),
        traffic,
    }
}

fn names(status: ResolverStatus) -> NamesGauge {
    let ResolverStatus { names, failing, oldest, answered, failed } = status;
    NamesGauge { known: names, failing, oldest, answered, failed }
}

fn upstream_source(status: SourceStatus) -> UpstreamSource {
    let SourceStatus { source, age, failures, refused, problem } = status;
    UpstreamSource { source, age_seconds: age.map(|age| age.as_secs()), failures, refused, problem }
}

fn cause(StateCause { cause, lasted, why }: StateCause) -> CauseStatus {
    let for_seconds = lasted.as_secs();
    CauseStatus { cause, since: unix_seconds().saturating_sub(for_seconds), for_seconds, why }
}

/// The upstreams that a route leads to.
fn upstreams_of(route: &Route) -> String {
    route.settings.destination.upstreams().map(UpstreamName::as_str).collect::<Vec<_>>().join(", ")
}

/// How a route shares its clients among several upstreams.
fn split(route: &Route, tunnels: &Tunnels, elsewhere: &Elsewhere<'_>) -> Vec<BranchStatus> {
    let branch = |branch: &Arc<Branch>| BranchStatus {
        upstream: branch.upstream.settings.name.to_string(),
        weight: branch.weight,
        tunnels: tunnels.of(branch.life.incarnation) + elsewhere.of_branch(route, branch),
    };
    let branches = route.target.branches();
    if branches.len() > 1 { branches.map(branch).collect() } else { Vec::new() }
}

fn handshakes(gate: &Gate) -> HandshakesGauge {
    HandshakesGauge { limit: gate.limit(), waiting: gate.waiting() }
}

/// The open tunnels that processes hold which handed over.
struct Elsewhere<'a>(Vec<&'a Held>);

impl<'a> Elsewhere<'a> {
    fn of(predecessors: &'a [Answered<Holdings>]) -> Self {
        Self(predecessors.iter().filter_map(|it| it.answer.as_ref().ok()).flat_map(|it| &it.tunnels).collect())
    }

    fn sum(&self, is_meant: impl Fn(&Held) -> bool) -> usize {
        self.0.iter().filter(|held| is_meant(held)).map(|held| held.tunnels).sum()
    }

    fn of_route(&self, route: &Route) -> usize {
        route.target.branches().map(|branch| self.of_branch(route, branch)).sum()
    }

    fn of_branch(&self, route: &Route, branch: &Branch) -> usize {
        let upstream = branch.upstream.settings.name.as_str();
        self.sum(|held| route.settings.name.as_str() == held.route && upstream == held.upstream)
    }

    fn of_endpoint(&self, upstream: &Upstream, endpoint: &Endpoint) -> usize {
        self.sum(|held| upstream.settings.name.as_str() == held.upstream && held.is_on(endpoint))
    }

    fn by_place(&self) -> Vec<TunnelsOpen> {
        let mut open = BTreeMap::new();
        for held in &self.0 {
            *open.entry((&held.route, &held.upstream, &held.endpoint)).or_insert(0) += held.tunnels;
        }
        let place = |((route, upstream, endpoint), count): ((&String, &String, &String), usize)| TunnelsOpen {
            route: route.as_str().into(),
            upstream: upstream.as_str().into(),
            endpoint: endpoint.as_str().into(),
            count,
        };
        open.into_iter().map(place).collect()
    }
}

fn predecessor(answered: &Answered<Holdings>) -> PredecessorStatus {
    let Predecessor { pid, tunnels } = answered.predecessor;
    match &answered.answer {
        Ok(Holdings { tunnels: held, drains, ends_in_seconds }) => PredecessorStatus {
            pid,
            tunnels: Some(held.iter().map(|held| held.tunnels).sum()),
            ends_in_seconds: *ends_in_seconds,
            drains: drains.clone(),
            problem: None,
        },
        Err(problem) => PredecessorStatus {
            pid,
            tunnels,
            ends_in_seconds: None,
            drains: Vec::new(),
            problem: Some(problem.clone()),
        },
    }
}

fn drain_gauge(note: DrainEntry) -> DrainGauge {
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
