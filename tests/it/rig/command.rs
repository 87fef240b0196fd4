//! Commands of the program, and what ends one.

use std::ffi::OsStr;
use std::process::Output;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use super::within;

/// The file of the program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass");

/// A command with nothing of this process's environment that matters to the program.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG").env_remove("XDG_RUNTIME_DIR").kill_on_drop(true);
    command
}

/// What a command says before it ends.
pub(crate) async fn output(command: &mut Command) -> Output {
    within("the end of a command", command.output()).await.unwrap()
}

/// Sends a signal to a process.
pub(crate) fn signal(id: u32, signal: Signal) {
    kill_process(pid(id), signal).unwrap_or_else(|error| panic!("{id}: {error}"));
}

/// Ends a process, if it has not ended by itself.
pub(crate) fn kill(id: u32) {
    let _ = kill_process(pid(id), Signal::KILL);
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed()).expect("a process has an id")
}
