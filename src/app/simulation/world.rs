//! The world of a simulation: a proxy, its clients and its endpoints, and what must be so at every moment and in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::chance::Chance;
use super::lines::Lines;
use super::site::{ENDPOINTS, Site};
use super::talker::{Manners, Talk, Talked};
use super::wire::Head;
use super::{client, endpoint};
use crate::app::handoff::Inheritance;
use crate::app::running::{Machine, Running};
use crate::drain::{Cause, DrainTarget, Scope, TunnelHandle};
use crate::metrics::{Exposition, Gauges};
use crate::net::{Network, SimulatedNetwork};
use crate::process::{Room, Workers};
use crate::session::Proxy;
use crate::snapshot::Endpoint;
use crate::websocket::Side;

pub(super) struct World {
    pub(super) shared: Arc<Shared>,
    pub(super) running: Running,
    pub(super) site: Site,
    pub(super) chance: Chance,
    /// What must be so later.
    pub(super) checks: JoinSet<()>,
    /// What reloads took away and drained.
    pub(super) vanished: Vec<Scope>,
    /// What operators drained.
    pub(super) drained: Vec<DrainTarget>,
    /// How often a drain was taken back.
    pub(super) undrained: u64,
    /// Who is gone by when, unless a drain was taken back since.
    pub(super) promises: Vec<(Instant, u64, Vec<Arc<TunnelHandle>>)>,
    clients: JoinSet<()>,
    hosts: JoinSet<()>,
    /// Every endpoint and every tunnel that was ever seen.
    endpoints: Vec<Arc<Endpoint>>,
    tickets: BTreeMap<u64, Arc<TunnelHandle>>,
}

/// What everybody in it knows.
pub(super) struct Shared {
    pub(super) network: SimulatedNetwork,
    lines: Lines,
    is_ending: AtomicBool,
    is_cutting: AtomicBool,
    is_over: AtomicBool,
    /// The answer to each request: its status, and whether it is an endpoint's.
    answered: Mutex<BTreeMap<String, (u16, bool)>>,
    /// How each talk between two polite ends went, as each of them knows it.
    talked: Mutex<BTreeMap<String, Ends>>,
}

/// The ends of a tunnel that have told how their talk went, by the tag of each.
type Ends = BTreeMap<u64, (Side, Talked)>;

const WORKERS: usize = 2;
const ROOM: Room = Room { descriptors: 0, tunnels: 1_000, resting: 8 };
/// Longer than any connection rests, and than keepalive takes to find out that nobody is there.
const AFTERWARDS: Duration = Duration::from_secs(300);

impl World {
    pub(super) fn begin(seed: u64, lines: Lines) -> Self {
        let mut chance = Chance::of(seed);
        let network = SimulatedNetwork::slow(chance.millis(1..80));
        let shared = Arc::new(Shared::new(network.clone(), lines));
        let site = Site::any(&mut chance);
        let machine =
            Machine { workers: Workers::on_this_runtime(WORKERS), room: ROOM, network: Network::Simulated(network) };
        let running = Running::build_on(machine, site.load(), &mut Inheritance::default()).unwrap().open();
        let (mut clients, mut hosts) = (JoinSet::new(), JoinSet::new());
        for index in 0..ENDPOINTS {
            for port in [80, 81] {
                hosts.spawn(endpoint::live(Arc::clone(&shared), index, port, chance.fork()));
            }
        }
        for id in 1..chance.number(4..24) {
            clients.spawn(client::live(Arc::clone(&shared), id, chance.fork()));
        }
        let mut world = Self {
            shared,
            running,
            site,
            chance,
            checks: JoinSet::new(),
            vanished: vec![],
            drained: vec![],
            undrained: 0,
            promises: vec![],
            clients,
            hosts,
            endpoints: vec![],
            tickets: BTreeMap::new(),
        };
        world.note_endpoints();
        world
    }

    /// Lives through everything.
    pub(super) async fn run(mut self) {
        for _ in 0..self.chance.number(2..14) {
            for _ in 0..self.chance.number(1..20) {
                let step = self.chance.millis(1..1_000);
                sleep(step).await;
                self.check();
            }
            self.act();
            self.check();
        }
        self.stop().await;
        self.check();
        let Self { shared, running, clients, hosts, checks, endpoints, .. } = self;
        let proxy = Arc::clone(running.proxy());
        running.end();
        join(clients).await;
        shared.is_over.store(true, Ordering::Relaxed);
        join(hosts).await;
        join(checks).await;
        sleep(AFTERWARDS).await;
        check_nothing_is_left(&proxy, &endpoints);
        shared.check_ends(&proxy);
    }

    pub(super) fn note_endpoints(&mut self) {
        let snapshot = self.running.proxy.snapshot();
        self.endpoints.extend(snapshot.upstreams().values().flat_map(|upstream| upstream.endpoints()).cloned());
    }

    /// What holds at any moment.
    fn check(&mut self) {
        let Self { running, endpoints, tickets, shared, vanished, drained, .. } = self;
        let proxy = &running.proxy;
        proxy.registry.check_invariants();
        endpoints.sort_by_key(|endpoint| endpoint.life.incarnation.0);
        endpoints.dedup_by_key(|endpoint| endpoint.life.incarnation.0);
        let leases: usize = endpoints.iter().map(|endpoint| endpoint.tunnels()).sum();
        assert!(leases >= proxy.registry.len(), "{leases} leases for {} tunnels", proxy.registry.len());
        let (taken, open) = (ROOM.tunnels - proxy.permits.available_permits(), proxy.open_places());
        // Whoever accepts holds one for the next who comes.
        assert!((open..=open + 4).contains(&taken), "{taken} permits for {open} places");
        assert!(proxy.registry.len() <= open, "{} tunnels in {open} places", proxy.registry.len());
        proxy.registry.each(|handle| drop(tickets.insert(handle.id.0, Arc::clone(handle))));
        for handle in tickets.values() {
            let is_meant = match handle.order().map(|order| order.cause) {
                None => true,
                Some(Cause::Reload) => vanished.iter().any(|scope| scope.contains(&handle.member)),
                Some(Cause::Operator) => drained.iter().any(|target| target.is_about(handle)),
                Some(Cause::Stop) => shared.is_ending(),
                Some(Cause::Handoff) => false,
            };
            assert!(is_meant, "somebody else's change ends {handle:?}");
        }
        self.check_promises();
    }
}

async fn join(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

fn check_nothing_is_left(proxy: &Arc<Proxy>, endpoints: &[Arc<Endpoint>]) {
    assert!(proxy.registry.is_empty() && proxy.open_places() == 0);
    for endpoint in endpoints {
        assert_eq!(endpoint.tunnels(), 0, "leases of {endpoint:?} are left");
    }
    assert_eq!(proxy.permits.available_permits(), ROOM.tunnels, "permits are left");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks are left");
    assert_eq!(Arc::strong_count(proxy), 1, "somebody holds the proxy");
}

impl Shared {
    fn new(network: SimulatedNetwork, lines: Lines) -> Self {
        Self {
            network,
            lines,
            is_ending: AtomicBool::new(false),
            is_cutting: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            answered: Mutex::default(),
            talked: Mutex::default(),
        }
    }

    /// Something has happened.
    pub(super) fn note(&self, what: &str) {
        self.lines.note(what.to_owned());
    }

    pub(super) fn note_answered(&self, path: &str, answer: &Head) {
        let answer = (answer.status(), answer.get("x-path").is_some());
        let before = self.answered.lock().unwrap().insert(path.to_owned(), answer);
        assert_eq!(before, None, "{path} has two answers");
    }

    pub(super) fn note_talked(&self, path: &str, talk: Talk, talked: Talked) {
        self.note(&format!("{path}: {:?} {talked:?}", talk.side));
        if talk.manners == Manners::Polite && talk.is_other_polite {
            self.talked.lock().unwrap().entry(path.to_owned()).or_default().insert(talk.tag, (talk.side, talked));
        }
    }

    pub(super) fn note_ending(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_cutting(&self) {
        self.is_cutting.store(true, Ordering::Relaxed);
    }

    /// The proxy was told to stop.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// It was told to end at once.
    pub(super) fn is_cutting(&self) -> bool {
        self.is_cutting.load(Ordering::Relaxed)
    }

    /// There are no clients any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Each request and each tunnel has one line, and the counters count the same.
    fn check_ends(&self, proxy: &Proxy) {
        let answered = self.answered.lock().unwrap();
        let (exchanges, ended) = (self.lines.saying("exchange"), self.lines.saying("tunnel ended"));
        let mut told = BTreeSet::new();
        for line in exchanges.iter().chain(&ended).filter(|line| line.get("path").starts_with("/r")) {
            assert!(told.insert(line.get("path")), "a second line: {line:?}");
        }
        for (path, (status, is_of_endpoint)) in answered.iter() {
            let is_told = told.contains(path.as_str());
            assert!(is_told || (*status != 101 && !is_of_endpoint), "no line about {path}");
        }
        for line in &ended {
            self.check_polite(line);
        }
        let counted = proxy.metrics.encode(&Gauges::default(), Exposition::OpenMetrics).unwrap();
        let sum = |name: &str| -> u64 {
            let series = counted.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
            series.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        let (opened, counted) = (sum("windlass_tunnels_opened_total"), sum("windlass_tunnels_ended_total"));
        assert_eq!(
            (opened, counted),
            (ended.len() as u64, ended.len() as u64),
            "tunnels are counted otherwise than told"
        );
    }

    /// Two polite ends part in good order, and what one said before it was all over the other has heard.
    fn check_polite(&self, line: &super::lines::Line) {
        let talked = self.talked.lock().unwrap();
        let Some(ends) = talked.get(line.get("path")) else { return };
        let of = |side| ends.values().find(|(of, _)| *of == side).map(|(_, talked)| *talked);
        let (Some(client), Some(endpoint)) = (of(Side::Client), of(Side::Upstream)) else { return };
        if self.is_cutting() {
            return;
        }
        assert!(endpoint.closed.is_some(), "the endpoint has no Close: {line:?}");
        assert_eq!((line.get("client_left"), line.get("upstream_left")), ("clean", "clean"), "{line:?}");
        if line.get("why") == "closed" {
            assert_eq!((client.sent, endpoint.sent), (endpoint.heard, client.heard), "{line:?}");
        }
    }
}
