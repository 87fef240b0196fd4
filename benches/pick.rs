//! What finding the endpoint of a request takes, by policy and number of endpoints: `cargo bench --bench pick`.
//!
//! Each pick is of another client, unless clients come again; none may allocate. From 256 endpoints on, what a key means is kept in
//! a table: clients that come `again` are found there, others are not.

use std::path::Path;
use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use windlass::balance::{Affinity, AffinityKey};
use windlass::config;
use windlass::health::Asked;
use windlass::snapshot::{FileContents, Snapshot, Upstream};
use windlass::tls::TicketKeys;

/// Says too what each allocates: nothing.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const ENDPOINTS: [usize; 4] = [10, 100, 1_000, 10_000];
const EACH_OTHER: u64 = u64::MAX;

fn main() {
    divan::main();
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn sticky(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "", endpoints, |_| 1, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn sticky_again(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "", endpoints, |_| 1, 1_000);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn sticky_weighted(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "", endpoints, |endpoint| 1 + endpoint * 7_919 % 100, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn sticky_bounded(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "bounded_load = 1.25", endpoints, |_| 1, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn sticky_sharded(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "shards = 2", endpoints, |_| 1, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn least_tunnels(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "policy = \"least_tunnels\"", endpoints, |_| 1, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn least_busy(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "policy = \"least_busy\"", endpoints, |_| 1, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn round_robin(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "policy = \"round_robin\"", endpoints, |_| 1, EACH_OTHER);
}

#[divan::bench(args = ENDPOINTS, sample_size = 100)]
fn random(bencher: Bencher<'_, '_>, endpoints: usize) {
    pick(bencher, "policy = \"random\"", endpoints, |_| 1, EACH_OTHER);
}

/// Picks for one client after another, of `clients`; each has come once before if there are not too many.
fn pick(bencher: Bencher<'_, '_>, keys: &str, endpoints: usize, weight: impl Fn(usize) -> usize, clients: u64) {
    let upstream = upstream(keys, endpoints, weight);
    let first = |client: u64| {
        let key = Some(AffinityKey::of_value(&(client % clients).to_le_bytes()));
        let affinity = Affinity { key, pin: None, begins_session: true };
        upstream.picks(&affinity, Asked::Upgrade).next().map(|pick| Arc::as_ptr(pick.endpoint))
    };
    for client in 0..clients.min(1_000) {
        first(client);
    }
    let mut client = 1_000;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        client += 1;
        first(client)
    });
}

/// An upstream with so many endpoints.
fn upstream(keys: &str, endpoints: usize, weight: impl Fn(usize) -> usize) -> Arc<Upstream> {
    let endpoint = |it| {
        format!("{{ name = \"e{it}\", address = \"10.0.{}.{}:80\", weight = {} }}", it / 256, it % 256, weight(it))
    };
    let endpoints: Vec<_> = (0..endpoints).map(endpoint).collect();
    let text = format!(
        "[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\n{keys}\nendpoints = [{}]\n",
        endpoints.join(", ")
    );
    let settings = config::parse(&text, Path::new("bench.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let tickets = TicketKeys::generate().expect("the system has randomness");
    let snapshot = Snapshot::assemble(Arc::new(settings), FileContents::default(), &tickets, None);
    Arc::clone(snapshot.upstreams().values().next().expect("there is one"))
}
