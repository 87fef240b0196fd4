//! What every session can reach: the current snapshot, the registry, the phase of the process.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::admission::PasswordChecks;
use super::counted;
use super::handshake_turns::HandshakeTurns;
use super::moving::Departed;
use super::records::Records;
use super::renewal::TunnelNames;
use super::sums::{About, Sums};
use crate::acme::{AcmeStatuses, HttpAnswers};
use crate::authorize::Rechecks;
use crate::config::{EndpointAddress, ListenerName};
use crate::discovery::SourceStatuses;
use crate::drain::{DrainStatuses, Registry};
use crate::endpoint::Endpoints;
use crate::issuers::KeyFetches;
use crate::log::AccessLog;
use crate::metrics::Metrics;
use crate::net::Network;
use crate::probe::{ProbeVerdict, Probes};
use crate::process::{MOST_TURNED_AWAY, Room, Workers};
use crate::resolver::Resolver;
use crate::snapshot::Snapshot;
use crate::traces::Traces;

/// What every session can reach.
#[derive(Debug)]
pub struct Proxy {
    snapshot: ArcSwap<Snapshot>,
    times: watch::Sender<PhaseTimes>,
    /// What endpoints have for as long as they are configured.
    pub(super) endpoints: Endpoints,
    /// Who asks endpoints how they are.
    probes: Probes,
    /// Who asks again whether open tunnels may go on.
    pub(super) rechecks: Rechecks,
    /// Who fetches the keys that tokens are verified with.
    key_fetches: KeyFetches,
    /// Who exports spans.
    traces: Traces,
    /// Every open tunnel.
    pub registry: Arc<Registry>,
    /// The names under which some of them are prolonged.
    pub(super) tunnel_names: Arc<TunnelNames>,
    /// Every drain.
    pub drains: Arc<DrainStatuses>,
    /// How those are who are asked for endpoints.
    pub sources: SourceStatuses,
    /// How those are that certificates are ordered for.
    pub certificates: Arc<AcmeStatuses>,
    /// What directories are answered that look over plain HTTP whether a name is ours.
    pub challenges: Arc<HttpAnswers>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How many sessions and tunnels there is room for.
    pub most_tunnels: usize,
    /// One for each session or tunnel; as many as there are descriptors for.
    pub permits: Arc<Semaphore>,
    /// One for each client that is told that there is no place for it.
    pub(super) reserve: Arc<Semaphore>,
    /// Who compares passwords.
    pub password_checks: PasswordChecks,
    /// What times are counted from that are kept as numbers.
    begun: Instant,
    /// With how many TLS handshakes each worker goes on at once.
    handshake_turns: ArcSwap<HandshakeTurns>,
    /// How many listeners have no place for the next who comes.
    full: AtomicUsize,
    /// Where endpoints are.
    pub(super) network: Network,
    /// Who drives them.
    pub workers: Workers,
    /// Equal lines of the log.
    pub(super) sums: Arc<Sums>,
    /// What is counted and written of requests and tunnels.
    pub(super) records: Arc<Records>,
}

/// Where the process stands, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseTimes {
    /// Where.
    pub phase: Phase,
    /// When the last tunnel is told, and when what is left is cut, once everything here ends.
    pub drain: Option<StopTimes>,
}

/// The two times of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopTimes {
    /// When the last tunnel is told.
    pub told_by: Instant,
    /// When what is left is cut.
    pub deadline: Instant,
}

/// Where the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New sessions and tunnels are welcome.
    Serving,
    /// They still are, but load balancers in front should look elsewhere.
    Leaving,
    /// Another process serves the newcomers: plain requests are answered with `Connection: close`, and upgrades on the
    /// sessions that are here are served still.
    HandedOver,
    /// New upgrades are refused too.
    Draining,
    /// Idle sessions are closed too.
    Closing,
    /// Whatever is left is cut.
    Cutting,
}

impl Phase {
    /// The words for the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Leaving => "leaving",
            Self::HandedOver => "handed over",
            Self::Draining => "draining",
            Self::Closing => "closing",
            Self::Cutting => "cutting",
        }
    }
}

impl Proxy {
    /// A proxy in `network` that serves `snapshot` with what there is `room` for.
    pub fn new(snapshot: Snapshot, workers: Workers, room: Room, network: Network) -> Arc<Self> {
        snapshot.upstreams().values().for_each(|upstream| upstream.take_effect());
        let turns = HandshakeTurns::new(snapshot.settings.tls_handshakes_at_once, workers.count());
        let semaphore = |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        let endpoints = Endpoints::new(workers.count(), room.resting);
        let metrics = Arc::new(counted::counters(&snapshot.settings, workers.count()));
        keep_counts(&metrics, &snapshot);
        let rechecks = Rechecks::new(network.clone(), Arc::clone(endpoints.own_pool()), Arc::clone(&metrics));
        rechecks.reconcile(&snapshot);
        let key_fetches = KeyFetches::new(network.clone(), Arc::clone(endpoints.own_pool()));
        let traces = Traces::new(network.clone(), Arc::clone(endpoints.own_pool()), Arc::clone(&metrics));
        let records = Records::new(Arc::clone(&metrics));
        records.set_tracer(traces.tracer(&snapshot));
        traces.follow(&snapshot);
        Arc::new(Self {
            times: watch::Sender::new(PhaseTimes { phase: Phase::Serving, drain: None }),
            endpoints,
            rechecks,
            key_fetches,
            probes: Probes::new(network.clone(), room.descriptors),
            registry: Registry::new(workers.count()),
            tunnel_names: Arc::default(),
            drains: Arc::default(),
            sources: SourceStatuses::default(),
            certificates: Arc::default(),
            challenges: Arc::default(),
            records: Arc::new(records),
            traces,
            metrics,
            most_tunnels: room.tunnels,
            permits: semaphore(room.tunnels.max(1)),
            reserve: semaphore(MOST_TURNED_AWAY),
            password_checks: PasswordChecks::new(workers.count()),
            begun: Instant::now(),
            handshake_turns: ArcSwap::from_pointee(turns),
            full: AtomicUsize::new(0),
            network,
            workers,
            sums: Arc::default(),
            snapshot: ArcSwap::from_pointee(snapshot),
        })
    }

    /// Whether it is to be said that somebody at an address was not let in where operators are: of those who come again and again, a few
    /// a second.
    pub fn may_say_denied(&self, client: IpAddr) -> bool {
        let listener = ListenerName::from("admin");
        self.sums.is_to_be_written(About { message: "operator", word: "denied", listener, client: Some(client) })
    }

    /// Writes the lines that are summed and still to be written: nobody will later.
    pub fn say_sums(&self) {
        self.sums.say_all();
    }

    /// Each answer and tunnel has a line more there from now on, for other tools.
    pub fn set_access_log(&self, access_log: Option<Arc<AccessLog>>) {
        self.records.set_access_log(access_log);
    }

    /// The turns of the TLS handshakes on a worker.
    pub(super) fn handshake_turns(&self, worker: usize) -> Arc<Semaphore> {
        self.handshake_turns.load().of(worker)
    }

    /// A time as it is kept where it is a number.
    pub(super) fn since_begun(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    /// How many sessions and tunnels are open. Permits would not tell: who waits for a connection holds one already.
    pub fn open_places(&self) -> usize {
        self.workers.loads().into_iter().sum()
    }

    /// Whether there is a listener that has no place for the next who comes.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed) > 0
    }

    /// A listener has no place for the next who comes, as long as what is returned lives.
    pub(super) fn note_full(self: &Arc<Self>) -> Full {
        self.full.fetch_add(1, Ordering::Relaxed);
        Full(Arc::clone(self))
    }

    /// What a request may consult; taken once for each.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Replaces the snapshot, whole. What endpoints had that are gone is ended.
    pub fn publish(&self, snapshot: Snapshot) {
        let new = Arc::new(snapshot);
        new.upstreams().values().for_each(|upstream| upstream.take_effect());
        let old = self.snapshot.swap(Arc::clone(&new));
        let at_once = new.settings.tls_handshakes_at_once;
        // Who waits in the lines as they were has its turn there.
        if self.handshake_turns.load().at_once() != at_once {
            self.handshake_turns.store(Arc::new(HandshakeTurns::new(at_once, self.workers.count())));
        }
        self.endpoints.reconcile(&old, &new);
        self.probes.reconcile(&new);
        self.rechecks.reconcile(&new);
        self.key_fetches.reconcile(&new);
        self.records.set_tracer(self.traces.tracer(&new));
        self.traces.follow(&new);
        keep_counts(&self.metrics, &new);
        self.registry.traffic().keep_routes(|route| new.routes().contains_key(route));
        if let Some(resolver) = self.network.resolver() {
            resolver.keep_to(&new.settings.resolver);
            resolver.keep_names(&names(&new));
        }
    }

    /// Where is heard from now on what tunnels say of themselves that are asked to move.
    pub(crate) fn departures(&self) -> UnboundedReceiver<Departed> {
        self.records.departures.hear()
    }

    /// Where endpoints are.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Who looks names up.
    pub fn resolver(&self) -> Option<&Resolver> {
        self.network.resolver()
    }

    /// Probes endpoints from now on, and tells `verdicts` of each that goes down or comes up. A proxy that only waits to take over
    /// does not.
    pub fn begin_probes(&self, verdicts: UnboundedSender<ProbeVerdict>) {
        self.probes.begin(&self.snapshot(), verdicts);
    }

    /// Fetches from now on the keys that tokens are verified with. A proxy that only waits to take over does not.
    pub fn begin_key_fetches(&self) {
        self.key_fetches.begin(&self.snapshot());
    }

    /// Exports spans from now on.
    pub fn begin_traces(&self) {
        self.traces.begin();
    }

    /// Exports the spans that are left, for no longer than this: none come after.
    pub async fn flush_traces(&self, within: Duration) {
        self.traces.flush(within).await;
    }

    /// Probes no endpoint any more.
    pub fn end_probes(&self) {
        self.probes.end();
    }

    /// Where the process stands now.
    pub fn phase(&self) -> Phase {
        self.times.borrow().phase
    }

    /// Where the process stands, to be waited on.
    pub fn phases(&self) -> watch::Receiver<PhaseTimes> {
        self.times.subscribe()
    }

    /// Waits until the process is in `phase`, or beyond.
    pub(super) async fn reached(&self, phase: Phase) {
        // The sender lives as long as the proxy.
        let _ = self.phases().wait_for(|times| times.phase >= phase).await;
    }

    /// Waits until the process has been closing what is left for so long.
    pub(super) async fn closing_for(&self, time: Duration) {
        self.reached(Phase::Closing).await;
        Box::pin(sleep(time)).await;
    }

    /// Moves on to a later phase.
    pub fn enter(&self, phase: Phase) {
        self.times.send_if_modified(|times| {
            let later = phase > times.phase;
            times.phase = phase.max(times.phase);
            later
        });
    }

    /// Moves on to a phase from which on everything here ends, until `times`.
    pub fn begin_end(&self, phase: Phase, times: StopTimes) {
        self.times.send_modify(|now| {
            *now = PhaseTimes { phase: phase.max(now.phase), drain: Some(times) };
        });
    }
}

/// What is counted is of what this snapshot has.
fn keep_counts(metrics: &Metrics, snapshot: &Snapshot) {
    let routes = snapshot.routes().values().map(|route| &route.settings.name);
    let (is_listener, is_upstream) =
        (|name: &_| snapshot.listeners().contains_key(name), |name: &_| snapshot.upstreams().contains_key(name));
    metrics.keep_to(routes, is_listener, is_upstream);
}

/// The names of endpoints, each with the servers of its own that are asked for it.
fn names(snapshot: &Snapshot) -> HashSet<(&[SocketAddr], &str)> {
    let mut names = HashSet::new();
    for settings in snapshot.settings.upstreams.values() {
        for endpoint in &settings.endpoints {
            if let EndpointAddress::Name(host, _) = &endpoint.address {
                names.insert((settings.dns_servers(), host.as_str()));
            }
        }
    }
    for server in snapshot.auth_servers() {
        if let EndpointAddress::Name(host, _) = &server.address {
            names.insert((&[], host.as_str()));
        }
    }
    names
}

/// A listener has no place for the next who comes, as long as this lives.
#[derive(Debug)]
pub(super) struct Full(Arc<Proxy>);

impl Drop for Full {
    fn drop(&mut self) {
        self.0.full.fetch_sub(1, Ordering::Relaxed);
    }
}
