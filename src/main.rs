//! The `windlass` program: reads the command line and the environment, and does nothing else.

use std::env;
use std::process::ExitCode;

use tikv_jemalloc_ctl::{epoch, stats};
use tikv_jemallocator::Jemalloc;
use windlass::app::Environment;
use windlass::cli::Cli;
use windlass::metrics::AllocatorUsage;
use windlass::process::ignore_reopen_signal;

/// Chosen by measurement (`docs/performance.md`): with what `.cargo/config.toml` tells it, it gives back what tunnels took.
/// It is C's `malloc` too (a feature of the crate): the keys of TLS connections are AWS-LC's own allocations.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    // Before anything that takes time.
    ignore_reopen_signal();
    let environment = Environment::read(env::args_os(), |name| env::var_os(name));
    Cli::read().run(Environment { allocator: Some(allocator_usage), ..environment })
}

/// What the allocator has counted by now; `None` where it does not say.
fn allocator_usage() -> Option<AllocatorUsage> {
    let now = || -> tikv_jemalloc_ctl::Result<AllocatorUsage> {
        // It sums up what its arenas have counted only when it is told to.
        epoch::advance()?;
        Ok(AllocatorUsage {
            allocated: stats::allocated::read()? as u64,
            active: stats::active::read()? as u64,
            metadata: stats::metadata::read()? as u64,
            resident: stats::resident::read()? as u64,
            retained: stats::retained::read()? as u64,
        })
    };
    now().ok()
}
