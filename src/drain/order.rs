//! What a tunnel is told when it has to end.

use std::fmt;

use tokio::time::Instant;

use crate::websocket::CloseCode;

/// Why a drain takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The process stops.
    Stop,
    /// A reload took the tunnel's listener, route or endpoint away.
    Reload,
    /// Another process has taken over.
    Handoff,
}

impl Cause {
    /// What the client reads as the reason of its Close.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Stop | Self::Handoff => "service restart",
            Self::Reload => "configuration changed",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Reload => "reload",
            Self::Handoff => "handoff",
        })
    }
}

/// Tells a tunnel to say good-bye now, and until when it has time for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopOrder {
    /// Why.
    pub cause: Cause,
    /// The code of the Close that its client reads.
    pub code: CloseCode,
    /// When the tunnel is cut if the good-byes are not over.
    pub deadline: Instant,
}
