//! What a set of 10,000 endpoints takes that changes: `cargo bench --bench endpoints`.
//!
//! For each kind of upstream, on the thread that publishes: the first set, one endpoint that is another one, and all of them; then all of
//! them where each has a tunnel, all of those back, and how busy the thread is while they drain. Beside it each worker picks an endpoint for one client after the other: the longest that it was at one pick, in time on a core, is what a
//! tunnel on it may have waited. The goals: a publishing below 20 ms, no worker busy for more than 5 ms.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark may panic, and says what it has measured"
)]

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep;
use windlass::app::Running;
use windlass::balance::{Affinity, AffinityKey};
use windlass::config::{self, EndpointRole, EndpointSettings, parse_endpoint};
use windlass::discovery::EndpointSet;
use windlass::drain::{Member, Registration};
use windlass::health::Asked;
use windlass::snapshot::{Endpoint, Lease};

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const ENDPOINTS: u32 = 10_000;
const WORKERS: usize = 2;
const CHANGES: u32 = 50;
/// The last of the sets of which none has an endpoint of another, and one more.
const LAST: u32 = 3;
const LEAVE_FOR: u32 = 4;
/// How long the thread is looked at while tunnels drain.
const DRAINING: Duration = Duration::from_secs(3);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pin.secret"), "a secret of ours that is long\n").unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for (kind, keys) in [
        ("sticky", ""),
        (
            "least_tunnels, limited",
            "policy = \"least_tunnels\"\nhandshakes_at_once = { start = 50, min = 5, max = 500 }\n",
        ),
        ("pinned with a secret", "pin_cookie = \"pin\"\npin_secret = \"pin.secret\"\n"),
        ("probed", "health = { probe = \"tcp\", every = \"1h\" }\n"),
    ] {
        runtime.block_on(change(kind, keys, folder.path()));
    }
}

async fn change(kind: &str, keys: &str, folder: &Path) {
    let text = format!(
        "workers = {WORKERS}\n[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"chat\"\n[upstream.chat]\n\
         endpoints = {{ file = \"set.json\" }}\n{keys}[admin]\nlisten = \"off\"\n"
    );
    let settings = config::parse(&text, &folder.join("windlass.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let mut running = Running::start(settings).unwrap();
    let first = publish(&mut running, set(0));
    let busy: Vec<_> = (0..WORKERS).map(|worker| Busy::begin(&running, worker)).collect();
    let one: Vec<_> = (1..=CHANGES).map(|moved| publish(&mut running, set(moved))).collect();
    let all: Vec<_> = (0..=LAST).map(|network| publish(&mut running, others(network))).collect();
    let tunnels = tunnels(&running);
    let leaving = publish(&mut running, others(LEAVE_FOR));
    let back = publish(&mut running, others(LAST));
    publish(&mut running, others(LEAVE_FOR));
    assert_eq!(running.proxy().drains.all().len(), 2, "each publishing has one drain");
    let begun = (on_core(), Instant::now());
    sleep(DRAINING).await;
    let draining = (on_core() - begun.0).as_secs_f64() / begun.1.elapsed().as_secs_f64() * 100.0;
    let told = tunnels.iter().filter(|(registration, _)| registration.handle().has_order()).count();
    drop(tunnels);
    let dropped = publish(&mut running, others(LEAVE_FOR));
    let longest = busy.iter().map(|busy| busy.longest()).max().unwrap_or_default();
    println!(
        "{kind}: first {first:.1?}; one of {ENDPOINTS} {:.1?} ({:.1?} at the most); all of them {:.1?} at the most; \
         a worker's longest pick {longest:.1?}\n  {ENDPOINTS} tunnels: all leave {leaving:.1?}; all are back {back:.1?}; while they drain \
         the thread is busy for {draining:.1} % ({told} told in {DRAINING:?}); all are let go of {dropped:.1?}",
        median(&one),
        one.iter().max().unwrap(),
        all.iter().max().unwrap(),
    );
    drop(busy);
    running.end();
}

/// A tunnel on each endpoint.
fn tunnels(running: &Running) -> Vec<(Registration, Lease)> {
    let snapshot = running.proxy().snapshot();
    let (route, listener) = (&snapshot.routes()["r"], &snapshot.listeners()["l"]);
    let tunnel = |(number, endpoint): (usize, &Arc<Endpoint>)| {
        let member = Member {
            listener: (listener.settings.name.clone(), listener.life.incarnation),
            route: (
                route.settings.name.clone(),
                route.target.branches().next().expect("it leads somewhere").life.incarnation,
            ),
            upstream: (
                endpoint.upstream.clone(),
                route.target.branches().next().expect("it leads somewhere").upstream.life.incarnation,
            ),
            endpoint: (endpoint.name.clone(), endpoint.life.incarnation),
        };
        (running.proxy().registry.register(number % WORKERS, member, Ipv4Addr::LOCALHOST.into()), endpoint.lease())
    };
    route
        .target
        .branches()
        .next()
        .expect("it leads somewhere")
        .upstream
        .endpoints()
        .iter()
        .enumerate()
        .map(tunnel)
        .collect()
}

fn publish(running: &mut Running, set: EndpointSet) -> Duration {
    let begun = Instant::now();
    running.take_endpoints(&"chat".into(), set);
    running.drop_left();
    begun.elapsed()
}

/// The first, or the same with this one at another address.
fn set(moved: u32) -> EndpointSet {
    let endpoint = |number: u32| endpoint(number, if number == moved { 8081 } else { 8080 });
    EndpointSet::new((1..=ENDPOINTS).map(endpoint).collect()).unwrap()
}

/// None of those before.
fn others(network: u32) -> EndpointSet {
    let from = 65_536 * (network + 1);
    EndpointSet::new((from..from + ENDPOINTS).map(|number| endpoint(number, 8080)).collect()).unwrap()
}

fn endpoint(number: u32, port: u16) -> EndpointSettings {
    let [_, b, c, d] = number.to_be_bytes();
    parse_endpoint(&format!("10.{b}.{c}.{d}:{port}"), None, None, EndpointRole::Ready).unwrap()
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// A worker that picks.
struct Busy {
    is_over: Arc<AtomicBool>,
    longest: Arc<AtomicU64>,
}

impl Busy {
    fn begin(running: &Running, worker: usize) -> Self {
        let (is_over, longest) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (proxy, busy) = (Arc::clone(running.proxy()), Self { is_over, longest });
        let (is_over, longest) = (Arc::clone(&busy.is_over), Arc::clone(&busy.longest));
        running.proxy().workers.employ(worker, async move {
            for client in 0_u64.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let begun = on_core();
                // As a request does: it holds the snapshot while it finds its route, and that for longer.
                let snapshot = proxy.snapshot();
                let upstream =
                    Arc::clone(&snapshot.routes()["r"].target.branches().next().expect("it leads somewhere").upstream);
                drop(snapshot);
                let affinity = Affinity {
                    key: Some(AffinityKey::of_value(&client.to_le_bytes())),
                    pin: None,
                    begins_session: true,
                };
                assert!(upstream.picks(&affinity, Asked::Upgrade).next().is_some(), "there is always somebody");
                drop(upstream);
                longest.fetch_max((on_core() - begun).as_nanos() as u64, Ordering::Relaxed);
                yield_now().await;
            }
        });
        busy
    }

    fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest.load(Ordering::Relaxed))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// The time that this thread has had on a core.
fn on_core() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
