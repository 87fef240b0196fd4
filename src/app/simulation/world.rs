//! The world of a simulation: a proxy, its clients and its endpoints, and what must be so at every moment and in the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::chance::Chance;
use super::ledger::Ledger;
use super::lines::Lines;
use super::site::{ENDPOINTS, Site};
use super::{client, endpoint};
use crate::app::handoff::Inheritance;
use crate::app::running::{Machine, Running};
use crate::drain::{Cause, DrainTarget, Scope, TunnelHandle};
use crate::net::{Network, SimulatedNetwork};
use crate::process::{Room, Workers};
use crate::session::Proxy;
use crate::snapshot::Endpoint;

pub(super) struct World {
    pub(super) ledger: Arc<Ledger>,
    pub(super) running: Running,
    pub(super) site: Site,
    /// Whether what is served with a source was named by it.
    pub(super) is_named: bool,
    pub(super) chance: Chance,
    /// What must be so later.
    pub(super) checks: JoinSet<()>,
    /// What reloads took away and drained.
    pub(super) vanished: Vec<Scope>,
    /// Whom a source has named no more.
    pub(super) left: Vec<Scope>,
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
    handles: BTreeMap<u64, Arc<TunnelHandle>>,
}

const WORKERS: usize = 2;
const ROOM: Room = Room { descriptors: 0, tunnels: 1_000, resting: 8 };
/// Longer than any connection rests, and than keepalive takes to find out that nobody is there.
const AFTERWARDS: Duration = Duration::from_secs(300);

impl World {
    pub(super) fn begin(seed: u64, lines: Lines) -> Self {
        let mut chance = Chance::of(seed);
        let network = SimulatedNetwork::slow(chance.millis(1..80));
        let ledger = Arc::new(Ledger::new(network.clone(), lines));
        let site = Site::any(&mut chance);
        let machine =
            Machine { workers: Workers::on_this_runtime(WORKERS), room: ROOM, network: Network::Simulated(network) };
        let running = Running::build_on(machine, site.load(), &mut Inheritance::default()).unwrap().open();
        let (mut clients, mut hosts) = (JoinSet::new(), JoinSet::new());
        for index in 0..ENDPOINTS {
            for port in [80, 81] {
                hosts.spawn(endpoint::live(Arc::clone(&ledger), index, port, chance.fork()));
            }
        }
        for id in 1..chance.number(4..24) {
            clients.spawn(client::live(Arc::clone(&ledger), id, chance.fork()));
        }
        let mut world = Self {
            ledger,
            running,
            is_named: site.is_found,
            site,
            chance,
            checks: JoinSet::new(),
            vanished: vec![],
            left: vec![],
            drained: vec![],
            undrained: 0,
            promises: vec![],
            clients,
            hosts,
            endpoints: vec![],
            handles: BTreeMap::new(),
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
        let Self { ledger, running, clients, hosts, checks, endpoints, .. } = self;
        let proxy = Arc::clone(running.proxy());
        running.end();
        join(clients).await;
        ledger.note_over();
        join(hosts).await;
        join(checks).await;
        sleep(AFTERWARDS).await;
        check_nothing_is_left(&proxy, &endpoints);
        ledger.check_ends(&proxy);
    }

    pub(super) fn note_endpoints(&mut self) {
        let snapshot = self.running.proxy.snapshot();
        self.endpoints.extend(snapshot.upstreams().values().flat_map(|upstream| upstream.endpoints()).cloned());
    }

    /// What holds at any moment.
    fn check(&mut self) {
        let Self { running, endpoints, handles, ledger, vanished, left, drained, site, .. } = self;
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
        proxy.registry.each(|handle| drop(handles.insert(handle.id.0, Arc::clone(handle))));
        for handle in handles.values() {
            let is_meant = match handle.order().map(|order| order.cause) {
                None => true,
                Some(Cause::Reload) => vanished.iter().any(|scope| scope.contains(&handle.member)),
                Some(Cause::Operator) => drained.iter().any(|target| target.is_about(handle)),
                Some(Cause::EndpointDown) => site.closes_on_down(),
                Some(Cause::Stop) => ledger.is_ending(),
                Some(Cause::Discovery) => left.iter().any(|scope| scope.contains(&handle.member)),
                Some(Cause::Handoff | Cause::Revoked | Cause::Refused | Cause::Unconfirmed | Cause::Expired) => false,
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
