//! What the process was given by its environment.

use std::ffi::OsString;

use crate::process::ActivationVariables;

/// What the process was given by its environment; only `main` reads it.
#[derive(Debug, Default)]
pub struct Environment {
    /// `NOTIFY_SOCKET`.
    pub notify_socket: Option<OsString>,
    /// `RUST_LOG`.
    pub rust_log: Option<OsString>,
    /// The sockets that systemd passed.
    pub activation: ActivationVariables,
}

impl Environment {
    /// Takes what is of interest; `variable` looks one up by its name.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self {
            notify_socket: variable("NOTIFY_SOCKET"),
            rust_log: variable("RUST_LOG"),
            activation: ActivationVariables {
                pid: variable("LISTEN_PID"),
                count: variable("LISTEN_FDS"),
                names: variable("LISTEN_FDNAMES"),
            },
        }
    }
}
