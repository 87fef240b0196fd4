//! What is wrong with something that a process inherits, and is no reason not to start: found before there is a log, told once there is.

use std::io;

use crate::tls::UnusableTicketKeys;

/// Something that is wrong with what a process inherits.
#[derive(Debug)]
pub(super) enum Odd {
    /// systemd passed a socket by this name that nobody can listen at.
    Socket(String, io::Error),
    /// Without the keys clients shake hands in full once more.
    TicketKeys(UnusableTicketKeys),
    /// Some of what systemd has kept.
    Kept(String),
}

impl Odd {
    /// Tells it.
    pub(super) fn say(&self) {
        match self {
            Self::Socket(name, error) => tracing::warn!(name, %error, "systemd passed a socket that is of no use"),
            Self::TicketKeys(error) => tracing::warn!(%error, "TLS sessions will not resume"),
            Self::Kept(error) => tracing::warn!(error, "something that systemd has kept makes no sense"),
        }
    }
}
