//! A signal that comes before anybody listens to it.

use std::fs;
use std::os::unix::net::UnixListener;

use rustix::process::Signal;

use crate::rig::{Folder, PROGRAM, command, until};

/// Whether the process ignores that signal.
fn ignores(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    u64::from_str_radix(ignored.trim(), 16).is_ok_and(|ignored| ignored & (1 << (signal.as_raw() - 1)) != 0)
}

/// Of a process that never gets as far as to listen to signals, for it waits for an answer.
#[tokio::test]
async fn sigusr1_ends_no_process_that_only_begins() {
    let folder = Folder::new("");
    let path = folder.path("silent.sock");
    let _silent = UnixListener::bind(&path).unwrap();
    let mut asking = command(PROGRAM);
    asking.args(["status", "--admin"]).arg(format!("unix:{}", path.display())).kill_on_drop(true);
    let mut asking = asking.spawn().unwrap();
    let pid = asking.id().unwrap();
    until("it to ignore SIGUSR1", || ignores(pid, Signal::USR1)).await;
    crate::rig::signal(pid, Signal::USR1);
    assert!(asking.try_wait().unwrap().is_none(), "it lives on");
}
