//! What the process was given by its environment.

use std::ffi::OsString;

use super::logging::LogEnvironment;
use crate::process::{ActivationVariables, HANDOFF_FD, Program, WatchdogVariables};

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
    /// `WINDLASS_HANDOFF_FD`: the socket towards the process that hands over.
    pub handoff_fd: Option<OsString>,
    /// How this process was started.
    pub program: Program,
}

impl Environment {
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
            handoff_fd: variable(HANDOFF_FD),
            program: Program::of_this_process(arguments, variable("PATH").as_deref()),
        }
    }
}
