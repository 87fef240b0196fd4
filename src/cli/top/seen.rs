//! What the process says of itself at one moment, as its feed has it.
//!
//! Each part may be missing: the process may be of another version, and what it does not say is shown as nothing.

use serde::Deserialize;

use crate::admin::{DrainStatus, InDirections, PredecessorStatus, ReloadsStatus, UpstreamStatus};

/// All of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// When that was, in milliseconds since 1970.
    pub(super) at: u64,
    pub(super) process: ProcessSeen,
    pub(super) now: NowSeen,
    pub(super) traffic: TrafficSeen,
    pub(super) reloads: Option<ReloadsStatus>,
    pub(super) upstreams: Vec<UpstreamStatus>,
    pub(super) predecessors: Vec<PredecessorStatus>,
    pub(super) drains: Vec<DrainStatus>,
    /// Tunnels that ended, since the process began to count.
    pub(super) endings: Vec<EndingSeen>,
    pub(super) refusals: Vec<WordCount>,
    pub(super) reconnections: Vec<WordCount>,
}

/// What tells one process from another. In containers every pid is 1, so when it began belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessIdentity {
    pid: u32,
    since: u64,
}

/// What of the process hardly ever changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct ProcessSeen {
    pub(super) version: String,
    pub(super) pid: u32,
    /// Since when it serves, in seconds since 1970.
    pub(super) since: u64,
    pub(super) phase: String,
    pub(super) generation: u64,
    pub(super) most_tunnels: usize,
}

impl ProcessSeen {
    /// Which process that is.
    pub(super) fn identity(&self) -> ProcessIdentity {
        ProcessIdentity { pid: self.pid, since: self.since }
    }
}

/// What changes all the time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NowSeen {
    pub(super) tunnels: usize,
    pub(super) tunnels_of_predecessors: usize,
}

/// What went through tunnels since the process began to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct TrafficSeen {
    pub(super) messages: InDirections<u64>,
    pub(super) bytes: InDirections<u64>,
}

/// How many tunnels ended in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct EndingSeen {
    /// Why.
    pub(super) outcome: String,
    /// Who began it.
    pub(super) by: String,
    /// With which close code.
    pub(super) code: String,
    pub(super) count: u64,
}

/// A word, and how often.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WordCount {
    pub(super) count: u64,
}

impl Default for TrafficSeen {
    fn default() -> Self {
        let nothing = InDirections { from_client: 0, from_upstream: 0 };
        Self { messages: nothing, bytes: nothing }
    }
}
