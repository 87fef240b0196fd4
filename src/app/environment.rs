//! What the process was given by its environment.

use std::env::split_paths;
use std::ffi::OsString;
use std::path::PathBuf;

use super::logging::LogEnvironment;
use crate::handoff::{HANDOFF_FD, Program};
use crate::metrics::AllocatorReader;
use crate::process::{ActivationVariables, WatchdogVariables, Watcher};

/// What the process was given by its environment; only `main` reads it.
#[derive(Debug, Default)]
pub struct Environment {
    /// `NOTIFY_SOCKET`.
    pub notify_socket: Option<OsString>,
    /// What it says about the log.
    pub log: LogEnvironment,
    /// The sockets that systemd passed.
    pub activation: ActivationVariables,
    /// Whether systemd waits for signs of life.
    pub watchdog: WatchdogVariables,
    /// `SYSTEMD_EXEC_PID`: the process that systemd has started, which may be an ancestor.
    pub systemd_exec_pid: Option<OsString>,
    /// `MAINPID`: the service, for what systemd runs to reload it.
    pub main_pid: Option<OsString>,
    /// `WINDLASS_HANDOFF_FD`: the socket towards the process that hands over.
    pub handoff_fd: Option<OsString>,
    /// `TERM`: what the terminal can do.
    pub terminal: Option<OsString>,
    /// The first folder of `STATE_DIRECTORY`, which systemd has made for what is to survive a restart.
    pub state_directory: Option<PathBuf>,
    /// How this process was started.
    pub program: Program,
    /// Who says what the allocator has counted: that is the program's, and not the library's.
    pub allocator: Option<AllocatorReader>,
}

impl Environment {
    /// Who watches this process and no other. Whoever a handoff has started is watched by nobody, or there were none.
    pub(super) fn watcher(&self) -> Option<Watcher> {
        if self.handoff_fd.is_some() {
            return None;
        }
        let started = self.systemd_exec_pid.as_ref().and_then(|pid| pid.to_str()?.parse().ok());
        Watcher::of_this_process(self.notify_socket.is_some(), started)
    }

    /// Takes what is of interest of the environment and of all arguments; `variable` looks one up by its name.
    pub fn read(arguments: impl Iterator<Item = OsString>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self {
            notify_socket: variable("NOTIFY_SOCKET"),
            log: LogEnvironment { rust_log: variable("RUST_LOG"), no_color: variable("NO_COLOR") },
            activation: ActivationVariables {
                pid: variable("LISTEN_PID"),
                count: variable("LISTEN_FDS"),
                names: variable("LISTEN_FDNAMES"),
            },
            watchdog: WatchdogVariables { microseconds: variable("WATCHDOG_USEC"), pid: variable("WATCHDOG_PID") },
            systemd_exec_pid: variable("SYSTEMD_EXEC_PID"),
            main_pid: variable("MAINPID"),
            handoff_fd: variable(HANDOFF_FD),
            terminal: variable("TERM"),
            state_directory: variable("STATE_DIRECTORY").and_then(|folders| split_paths(&folders).next()),
            allocator: None,
            program: Program::of_this_process(arguments, variable("PATH").as_deref()),
        }
    }
}
