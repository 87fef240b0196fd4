//! The `windlass` program: reads the command line and the environment, and nothing else.

use std::env;
use std::process::ExitCode;

use clap::Parser;
use windlass::app::Environment;
use windlass::cli::Cli;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    Cli::parse().run(Environment::read(env::args_os(), |name| env::var_os(name)))
}
