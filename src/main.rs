//! The `windlass` program: reads the command line and the environment, and does nothing else.

use std::env;
use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;
use windlass::app::Environment;
use windlass::cli::Cli;
use windlass::process::ignore_reopen_signal;

/// Chosen by measurement (`docs/performance.md`): with what `.cargo/config.toml` tells it, it gives back what tunnels took.
/// It is C's `malloc` too (a feature of the crate): the keys of TLS connections are AWS-LC's own allocations.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    // Before anything that takes time.
    ignore_reopen_signal();
    Cli::parse().run(Environment::read(env::args_os(), |name| env::var_os(name)))
}
