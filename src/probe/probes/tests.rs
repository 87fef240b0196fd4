//! Tasks that probe endpoints of a network in memory, in virtual time.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::config::parse;
use crate::endpoint::Endpoints;
use crate::health::Availability;
use crate::net::SimulatedNetwork;
use crate::snapshot::FileContents;
use crate::tls::TicketKeys;

const SECOND: Duration = Duration::from_secs(1);
const HEALTH: &str = "health = { probe = \"tcp\", every = \"5s\", timeout = \"1s\", rise = 2, fall = 3 }";

/// A network with endpoints, and who probes them.
struct Scene {
    network: SimulatedNetwork,
    snapshot: Snapshot,
    probes: Probes,
    verdicts: UnboundedReceiver<ProbeVerdict>,
    listening: JoinSet<()>,
}

fn address(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, (index / 256) as u8, (index % 256) as u8], 80))
}

/// So many endpoints, with these keys of their upstream.
fn snapshot(endpoints: usize, keys: &str, previous: Option<&Snapshot>) -> Snapshot {
    let endpoints: Vec<_> = (0..endpoints).map(|index| format!("\"{}\"", address(index))).collect();
    let text = format!(
        "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [{}]\n{keys}\n",
        endpoints.join(", ")
    );
    let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
}

impl Scene {
    fn begin(endpoints: usize, descriptors: usize) -> Self {
        let (network, snapshot) = (SimulatedNetwork::default(), snapshot(endpoints, HEALTH, None));
        let probes = Probes::new(Network::Simulated(network.clone()), descriptors);
        let (sender, verdicts) = unbounded_channel();
        let mut scene = Self { network, snapshot, probes, verdicts, listening: JoinSet::new() };
        (0..endpoints).for_each(|index| scene.listen(index));
        scene.probes.begin(&scene.snapshot, sender);
        scene
    }

    /// The endpoint takes connections from now on.
    fn listen(&mut self, index: usize) {
        let listener = self.network.listen(address(index)).unwrap();
        self.listening.spawn(async move {
            loop {
                drop(listener.accept().await);
            }
        });
    }

    /// Every endpoint refuses from now on.
    async fn refuse(&mut self) {
        self.listening.shutdown().await;
    }

    fn endpoint(&self, index: usize) -> &Arc<Endpoint> {
        let name = address(index).to_string();
        self.snapshot.endpoints().find(|it| it.name.as_str() == name).unwrap()
    }

    /// The next change, and how long it took.
    async fn turns(&mut self) -> (Availability, Duration) {
        let begun = Instant::now();
        let verdict = timeout(3600 * SECOND, self.verdicts.recv()).await.expect("it turns").unwrap();
        (verdict.availability, begun.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn who_answers_nothing_is_down_within_every_times_fall_and_a_second() {
    for seed in 0..50 {
        fastrand::seed(seed);
        let mut scene = Scene::begin(1, 0);
        sleep(Duration::from_millis(fastrand::u64(5_000..60_000))).await;
        scene.network.set_silent(address(0), true);
        let (availability, took) = scene.turns().await;
        assert_eq!(availability, Availability::Down);
        assert!(took <= 16 * SECOND, "seed {seed}: {took:?}");
        assert_eq!(scene.endpoint(0).causes()[0].why, "no connection within timeout");

        scene.network.set_silent(address(0), false);
        let (availability, took) = scene.turns().await;
        assert_eq!(availability, Availability::Up);
        assert!(took <= 11 * SECOND, "seed {seed}: {took:?}");
        assert!(scene.endpoint(0).state().is_eligible());
    }
}

#[tokio::test(start_paused = true)]
async fn who_refuses_is_down_within_half_a_second_of_the_first_sign() {
    for seed in 0..50 {
        fastrand::seed(seed);
        let mut scene = Scene::begin(1, 0);
        sleep(Duration::from_millis(fastrand::u64(5_000..60_000))).await;
        scene.refuse().await;
        scene.endpoint(0).doubt();
        let (availability, took) = scene.turns().await;
        assert_eq!(availability, Availability::Down);
        assert!(took <= SECOND / 2, "seed {seed}: {took:?}");
        assert_eq!(scene.endpoint(0).causes()[0].why, "connection refused");
        let counts = scene.endpoint(0).health_counts();
        assert_eq!(counts.probes_failed, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_connect_wake_no_flood_of_probes() {
    let scene = Scene::begin(1, 0);
    for _ in 0..10_000 {
        scene.endpoint(0).doubt();
        sleep(Duration::from_millis(1)).await;
    }
    let probes = scene.endpoint(0).health_counts().probes_passed;
    assert!((2..=51).contains(&probes), "{probes} in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_of_thousands_takes_no_more_than_its_permits_and_the_rest_is_probed_still() {
    let mut scene = Scene::begin(2_000, 1 << 20);
    let most = scene.probes.permits.available_permits();
    assert_eq!(most, MOST_AT_ONCE);
    (0..1_999).for_each(|index| scene.network.set_silent(address(index), true));
    let (mut fewest_left, mut down) = (most, 0);
    for _ in 0..600 {
        sleep(SECOND / 10).await;
        fewest_left = fewest_left.min(scene.probes.permits.available_permits());
        while let Ok(verdict) = scene.verdicts.try_recv() {
            assert_eq!(verdict.availability, Availability::Down);
            down += 1;
        }
    }
    assert_eq!((fewest_left, down), (0, 1_999));
    assert!(scene.endpoint(1_999).health_counts().probes_passed >= 6);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_only_waits_probes_nobody_and_an_endpoint_that_stays_keeps_its_task() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let probes = Probes::new(Network::Simulated(SimulatedNetwork::default()), 0);
    let first = snapshot(3, HEALTH, None);
    probes.reconcile(&first);
    assert_eq!(tasks(), 0);
    let (sender, _verdicts) = unbounded_channel();
    probes.begin(&first, sender);
    assert_eq!(tasks(), 3);
    // Nobody listens: all are down soon, and stay so over what does not concern them.
    sleep(60 * SECOND).await;
    let count = |snapshot: &Snapshot| snapshot.endpoints().next().unwrap().health_counts().probes_failed;
    let endpoints = Endpoints::new(1, 0);
    let publish = async |old: &Snapshot, keys: &str, number: usize| {
        let new = snapshot(number, keys, Some(old));
        endpoints.reconcile(old, &new);
        probes.reconcile(&new);
        // Who is aborted has gone.
        sleep(Duration::from_millis(1)).await;
        new
    };
    let second = publish(&first, &format!("{HEALTH}\nconnect_timeout = \"3s\""), 2).await;
    assert_eq!(tasks(), 2);
    assert!(second.endpoints().all(|it| it.state().is_down()));
    let before = count(&second);
    sleep(60 * SECOND).await;
    assert!((before + 11..=before + 14).contains(&count(&second)), "one task probes on");

    let other = HEALTH.replace("every = \"5s\"", "every = \"20s\"");
    let third = publish(&second, &other, 2).await;
    assert!(third.endpoints().all(|it| it.state().is_down()), "the new task takes it back, if it is well");
    let before = count(&third);
    sleep(60 * SECOND).await;
    assert!((before + 2..=before + 4).contains(&count(&third)), "the new one probes alone");

    let fourth = publish(&third, "health = \"off\"", 2).await;
    assert_eq!(tasks(), 0);
    assert!(fourth.endpoints().all(|it| it.state().is_eligible()));
    let fifth = publish(&fourth, HEALTH, 2).await;
    assert_eq!(tasks(), 2);
    probes.end();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(tasks(), 0);
    drop(fifth);
}
