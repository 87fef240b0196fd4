//! `[drain]`, as meant.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::websocket::CloseCode;

/// `[drain]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSettings {
    /// What the client of a drained tunnel reads.
    pub close_code: CloseCode,
    /// How many tunnels a second are told at the most, unless the deadline needs more.
    pub max_per_second: NonZeroU32,
    /// How long a stop only fails its readiness, before anybody is refused or told; `None` is not at all.
    pub stop_delay: Option<Duration>,
    /// At SIGTERM and SIGINT, counted from the end of the delay.
    pub stop: DrainWindow,
    /// What becomes of tunnels at a stop.
    pub stop_tunnels: StopTunnels,
    /// After a reload that took something away.
    pub reload: DrainWindow,
    /// Whether a reload drains at all.
    pub on_reload: OnReload,
    /// Of an endpoint that its source does not name any more.
    pub discovery: DrainWindow,
    /// After a handoff, in the process that handed over.
    pub handoff: HandoffSettings,
}

/// `[drain.handoff]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoffSettings {
    /// How long the process that handed over drains.
    pub window: DrainWindow,
    /// What becomes of tunnels.
    pub tunnels: HandoffTunnels,
    /// How many processes that handed over may still drain; with so many, the next handoff is refused.
    pub max_predecessors: usize,
    /// How long the new process may take until it is ready; then it is ended, and the old one serves on.
    pub ready_within: Duration,
    /// Whether there is one under who watches this process alone.
    pub under_supervisor: UnderSupervisor,
}

/// What becomes of open tunnels at a handoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoffTunnels {
    /// Those that can be moved go on in the new process, the others are drained.
    Move,
    /// All of them are drained.
    Drain,
}

/// What becomes of open tunnels at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopTunnels {
    /// They are drained.
    Drain,
    /// Those that can be kept are left with systemd for the next start, the others are drained.
    Keep,
}

/// Whether a process hands over under a supervisor that watches it and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderSupervisor {
    /// It does not: its end would be taken for the end of the service.
    Refuse,
    /// It does.
    Allow,
}

/// How long a drain may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainWindow {
    /// When what is left is cut.
    pub deadline: Duration,
    /// Over how long the tunnels are told; at most `deadline`.
    pub spread: Duration,
}

/// What becomes of tunnels whose listener, route or endpoint a reload took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReload {
    /// They are drained.
    Drain,
    /// They stay until they end by themselves.
    Keep,
}
