//! The `windlass` program: reads the command line and the environment, and nothing else.

use std::env;
use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;
use windlass::app::Environment;
use windlass::cli::Cli;

/// Chosen by measurement (`docs/performance.md`): with what `.cargo/config.toml` tells it, it gives back what tunnels took.
/// It is C's `malloc` too (a feature of the crate): the keys of TLS connections are AWS-LC's own allocations.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    Cli::parse().run(Environment::read(env::args_os(), |name| env::var_os(name)))
}
