//! What a request and a message cost beyond the system calls: `cargo bench --bench proxy`.
//!
//! `pick` finds the endpoint of one client; `echo` carries a message through a tunnel and back, over streams in memory;
//! `reload` goes from the text of a configuration to a snapshot.

mod workloads;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use tokio::runtime::Builder;
use workloads::{Echoing, Picking, config_text, snapshot};

/// Says too what each allocates: `echo` must not.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = [3, 30, 300], sample_size = 1_000)]
fn pick(bencher: Bencher<'_, '_>, endpoints: usize) {
    let mut picking = Picking::new(endpoints);
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| picking.client());
}

#[divan::bench(args = [64, 16 << 10], sample_size = 1_000)]
fn echo(bencher: Bencher<'_, '_>, size: usize) {
    // A clock that stands still: what a look at the real one costs is the kernel's.
    let mut echoing = Echoing::new(size, Builder::new_current_thread().enable_time().start_paused(true));
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| echoing.echo());
}

#[divan::bench(args = [10, 1_000])]
fn reload(bencher: Bencher<'_, '_>, routes: usize) {
    let text = config_text(routes, 3);
    bencher.counter(ItemsCount::new(routes)).bench_local(|| snapshot(&text));
}
