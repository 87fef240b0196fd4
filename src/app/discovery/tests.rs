//! Any sequence of sets, some with tunnels: who stays is not touched, who leaves drains once, who returns is taken back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

use super::super::handoff::Inheritance;
use super::super::loaded::Loaded;
use super::super::running::{Machine, Running};
use crate::config::{EndpointRole, EndpointSettings, parse, parse_endpoint};
use crate::discovery::EndpointSet;
use crate::drain::{Cause, Incarnation, LOCAL_CLIENT, Member, Registration};
use crate::net::{Network, SimulatedNetwork};
use crate::process::{Room, Workers};
use crate::snapshot::{Endpoint, Lease, Snapshot};

const CONFIG: &str = "admin = { listen = \"off\" }\n[drain.discovery]\ndeadline = \"20s\"\nspread = \"5s\"\n\
    [listener.l]\nbind = \"10.0.0.1:80\"\n[route.r]\nupstream = \"chat\"\n\
    [upstream.chat]\nendpoints = { file = \"set.json\" }\npin_cookie = \"pin\"\n";
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
enum Step {
    /// The source names these: a name, a port, a role.
    Name(BTreeMap<u8, (u16, EndpointRole)>),
    /// It names again what it has named last.
    NameAgain,
    /// A tunnel opens on one of those that are eligible.
    Open(usize),
    /// One opens on any endpoint that there ever was, placed there before it left.
    OpenLate(usize),
    Close(usize),
    Wait(u64),
    DropLeft,
    Reload,
}

struct Tunnel {
    endpoint: Arc<Endpoint>,
    registration: Registration,
    _lease: Lease,
}

struct World {
    running: Running,
    set: EndpointSet,
    tunnels: Vec<Tunnel>,
    /// Every endpoint that there ever was.
    endpoints: Vec<Arc<Endpoint>>,
    /// Those that are told to leave, and since when.
    left: HashMap<Incarnation, Instant>,
    ever_left: HashSet<Incarnation>,
    drains: u64,
}

impl World {
    fn begin(config: &str) -> Self {
        let room = Room { descriptors: 0, tunnels: 100, resting: 0 };
        let network = Network::Simulated(SimulatedNetwork::slow(Duration::from_millis(1)));
        let machine = Machine { workers: Workers::on_this_runtime(1), room, network };
        let running = Running::build_on(machine, load(config), &mut Inheritance::default()).unwrap().open();
        let (tunnels, endpoints, left) = (Vec::new(), Vec::new(), HashMap::new());
        Self { running, set: EndpointSet::default(), tunnels, endpoints, left, ever_left: HashSet::new(), drains: 0 }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.running.proxy.snapshot()
    }

    async fn take(&mut self, step: Step) {
        let before = self.snapshot();
        match step {
            Step::Name(named) => self.name(EndpointSet::new(named.into_iter().map(endpoint).collect()).unwrap()),
            Step::NameAgain => {
                let diff = self.running.take_endpoints(&"chat".into(), self.set.clone());
                assert!(diff.is_empty() && Arc::ptr_eq(&before, &self.snapshot()), "{diff:?}");
            }
            Step::Open(at) => {
                let all = before.upstreams()["chat"].endpoints();
                let eligible: Vec<_> = all.iter().filter(|endpoint| endpoint.state().is_eligible()).collect();
                if !eligible.is_empty() {
                    let tunnel = self.open(eligible[at % eligible.len()], &before);
                    assert!(tunnel.registration.handle().order().is_none(), "a newcomer is told to go");
                    self.tunnels.push(tunnel);
                }
            }
            Step::OpenLate(at) => {
                if !self.endpoints.is_empty() {
                    let endpoint = Arc::clone(&self.endpoints[at % self.endpoints.len()]);
                    let tunnel = self.open(&endpoint, &before);
                    let order = tunnel.registration.handle().order().map(|order| order.cause);
                    let has_left = self.left.contains_key(&endpoint.life.incarnation);
                    assert_eq!(order, has_left.then_some(Cause::Discovery), "{endpoint:?}");
                    if order.is_none() {
                        self.tunnels.push(tunnel);
                    }
                }
            }
            Step::Close(at) => {
                if !self.tunnels.is_empty() {
                    self.tunnels.swap_remove(at % self.tunnels.len());
                }
            }
            Step::Wait(seconds) => sleep(Duration::from_secs(seconds)).await,
            Step::DropLeft => {
                self.running.drop_left();
                let stays = |endpoint: &EndpointSettings| self.set.get(&endpoint.name).is_some();
                for (endpoint, settings) in all(&self.snapshot()) {
                    assert!(stays(&settings) || endpoint.tunnels() > 0, "{settings:?} is over and still there");
                }
            }
            Step::Reload => assert!(self.running.reload(load(CONFIG)).unwrap().diff.is_empty()),
        }
        self.check(&before);
        self.tunnels.retain(|tunnel| !tunnel.registration.handle().has_order());
    }

    fn name(&mut self, set: EndpointSet) {
        let mut is_anybody_told = false;
        for (endpoint, settings) in all(&self.snapshot()) {
            let incarnation = endpoint.life.incarnation;
            let was_leaving = settings.role == EndpointRole::Leaving;
            match set.get(&settings.name) {
                Some(now) if now.address == endpoint.address && now.role != EndpointRole::Leaving => {
                    self.left.remove(&incarnation);
                }
                Some(now) if now.address == endpoint.address && was_leaving => {}
                None if was_leaving => {}
                // Whoever is gone for good is told once more, however often it was told to leave.
                _ => {
                    self.left.insert(incarnation, Instant::now());
                    self.ever_left.insert(incarnation);
                    is_anybody_told |= endpoint.tunnels() > 0;
                }
            }
        }
        self.drains += u64::from(is_anybody_told);
        self.running.take_endpoints(&"chat".into(), set.clone());
        self.set = set;
        for (endpoint, settings) in all(&self.snapshot()) {
            if !self.endpoints.iter().any(|known| Arc::ptr_eq(known, &endpoint)) {
                if settings.role == EndpointRole::Leaving {
                    // Nobody was there who could be told.
                    continue;
                }
                self.endpoints.push(endpoint);
            }
        }
    }

    fn open(&self, endpoint: &Arc<Endpoint>, snapshot: &Snapshot) -> Tunnel {
        let (route, listener) = (&snapshot.routes()["r"], &snapshot.listeners()["l"]);
        let member = Member {
            listener: (listener.settings.name.clone(), listener.life.incarnation),
            route: (route.settings.name.clone(), route.target.branches().next().unwrap().life.incarnation),
            upstream: (endpoint.upstream.clone(), route.target.branches().next().unwrap().upstream.life.incarnation),
            endpoint: (endpoint.name.clone(), endpoint.life.incarnation),
        };
        let registration = self.running.proxy.registry.register(0, member, LOCAL_CLIENT);
        Tunnel { endpoint: Arc::clone(endpoint), registration, _lease: endpoint.lease() }
    }

    fn check(&self, before: &Snapshot) {
        let now = self.snapshot();
        let served = all(&now);
        assert!(served.is_sorted_by(|(_, one), (_, next)| one.name < next.name), "{served:?}");
        for (endpoint, settings) in &served {
            assert_eq!((&endpoint.name, &endpoint.address), (&settings.name, &settings.address));
            assert_eq!(endpoint.state().is_leaving(), settings.role == EndpointRole::Leaving, "{settings:?}");
            match self.set.get(&settings.name) {
                Some(named) => assert_eq!(named, settings),
                None => assert_eq!(settings.role, EndpointRole::Leaving),
            }
        }
        for named in self.set.endpoints() {
            assert!(served.iter().any(|(_, settings)| settings == named), "{named:?} is lost");
        }
        for (endpoint, settings) in all(before) {
            let same = served.iter().find(|(_, now)| (&now.name, &now.address) == (&settings.name, &settings.address));
            assert!(same.is_none_or(|(now, _)| Arc::ptr_eq(now, &endpoint)), "{settings:?} began another life");
        }
        for Tunnel { endpoint, registration, .. } in &self.tunnels {
            let (incarnation, order) = (endpoint.life.incarnation, registration.handle().order());
            let has_left = self.ever_left.contains(&incarnation);
            assert!(order.as_ref().is_none_or(|order| order.cause == Cause::Discovery && has_left), "{endpoint:?}");
            let is_overdue = self.left.get(&incarnation).is_some_and(|since| since.elapsed() > DEADLINE);
            assert!(order.is_some() || !is_overdue, "nobody has told a tunnel of {endpoint:?}");
            let is_there = served.iter().any(|(there, _)| Arc::ptr_eq(there, endpoint));
            assert!(is_there || has_left, "{endpoint:?} is gone, and was never told to leave");
        }
        let begun = self.running.proxy.drains.all().iter().map(|drain| drain.id).max().unwrap_or(0);
        assert_eq!(begun, self.drains, "who leaves at once drains once, and in one drain");
        self.running.proxy.registry.check_invariants();
    }
}

fn all(snapshot: &Snapshot) -> Vec<(Arc<Endpoint>, EndpointSettings)> {
    let upstream = &snapshot.upstreams()["chat"];
    upstream.endpoints().iter().cloned().zip(upstream.settings.endpoints.iter().cloned()).collect()
}

fn load(config: &str) -> Loaded {
    Loaded::read(parse(config, Path::new("test.toml")).unwrap()).unwrap()
}

fn endpoint((name, (port, role)): (u8, (u16, EndpointRole))) -> EndpointSettings {
    let address = format!("10.1.0.{name}:{port}");
    parse_endpoint(&address, Some(&format!("e{name}")), None, role).unwrap()
}

fn steps() -> impl Strategy<Value = Step> {
    let role =
        prop_oneof![5 => Just(EndpointRole::Ready), 1 => Just(EndpointRole::Backup), 1 => Just(EndpointRole::Leaving)];
    let port = prop_oneof![4 => Just(80_u16), 1 => Just(81)];
    prop_oneof![
        4 => prop::collection::btree_map(1_u8..6, (port, role), 0..5).prop_map(Step::Name),
        1 => Just(Step::NameAgain),
        8 => any::<usize>().prop_map(Step::Open),
        1 => any::<usize>().prop_map(Step::OpenLate),
        1 => any::<usize>().prop_map(Step::Close),
        3 => (0_u64..25).prop_map(Step::Wait),
        1 => Just(Step::DropLeft),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_sequence_of_sets_touches_only_who_leaves(steps in prop::collection::vec(steps(), 0..60)) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::begin(CONFIG);
            for step in steps {
                world.take(step).await;
            }
        });
    }
}

/// The set of these endpoints.
fn named(names: impl IntoIterator<Item = u8>) -> EndpointSet {
    let ready = |name| endpoint((name, (80, EndpointRole::Ready)));
    EndpointSet::new(names.into_iter().map(ready).collect()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_leaves_at_once_keeps_to_one_pace_and_one_of_them_may_return() {
    let config = CONFIG.replace("[drain.discovery]", "[drain]\nmax_per_second = 2\n[drain.discovery]");
    let mut world = World::begin(&config);
    let upstream = "chat".into();
    world.running.take_endpoints(&upstream, named(1..=20));
    let snapshot = world.snapshot();
    let tunnels: Vec<_> =
        snapshot.upstreams()["chat"].endpoints().iter().map(|endpoint| world.open(endpoint, &snapshot)).collect();
    let told = || tunnels.iter().filter(|tunnel| tunnel.registration.handle().has_order()).count();
    world.running.take_endpoints(&upstream, named([21]));
    let drains = || world.running.proxy.drains.all();
    assert_eq!(drains().iter().map(|drain| &*drain.scope).collect::<Vec<_>>(), ["20 endpoints of upstream chat"]);
    sleep(Duration::from_secs(5)).await;
    assert!((8..=11).contains(&told()), "{} of 20 are told, at two a second", told());
    let untold = tunnels.iter().find(|tunnel| !tunnel.registration.handle().has_order()).unwrap();
    let returns = untold.endpoint.name.as_str().trim_start_matches('e').parse().unwrap();
    world.running.take_endpoints(&upstream, named([returns, 21]));
    sleep(DEADLINE).await;
    let drains = world.running.proxy.drains.all();
    assert_eq!((told(), untold.registration.handle().has_order()), (19, false));
    assert_eq!(drains.iter().map(|drain| drain.progress.tunnels).collect::<Vec<_>>(), [19]);
}

/// What a tunnel is told whose endpoint a list has named, where the source that a reload has put in its place answers late.
async fn told_by_a_late_set(on_reload: &str) -> Option<Cause> {
    let found = format!("{CONFIG}[drain.reload]\non = \"{on_reload}\"\n");
    let listed = found.replace("{ file = \"set.json\" }", "[{ name = \"e1\", address = \"10.1.0.1:80\" }]");
    let mut world = World::begin(&listed);
    let before = world.snapshot();
    let tunnel = world.open(&before.upstreams()["chat"].endpoints()[0], &before);
    world.running.reload(load(&found)).unwrap();
    assert_eq!(world.snapshot().upstreams()["chat"].endpoints().len(), 1, "it has no other yet");
    world.running.take_endpoints(&"chat".into(), named([2]));
    let names: Vec<_> = all(&world.snapshot()).iter().map(|(_, settings)| settings.name.to_string()).collect();
    assert_eq!(names, ["e2"], "what was listed is gone, as with a reload that waits");
    sleep(Duration::from_secs(3600)).await;
    tunnel.registration.handle().order().map(|order| order.cause)
}

#[tokio::test(start_paused = true)]
async fn a_first_set_that_is_late_does_what_the_reload_would_have_done() {
    assert_eq!(told_by_a_late_set("keep").await, None);
    assert_eq!(told_by_a_late_set("drain").await, Some(Cause::Reload));
}
