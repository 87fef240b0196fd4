//! `POST /plan`: what a reload would do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `POST /plan`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The file that a reload would read, from `/` on. The running process reads it, and the certificates it names: what
    /// that process may not read, a reload could not use either.
    pub file: PathBuf,
}

/// What a reload would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanAnswer {
    /// What it would change, in words.
    pub changes: Vec<String>,
    /// What looks renamed, in words.
    pub renames: Vec<String>,
    /// The tunnels that lose their listener, route or endpoint.
    pub losing: Vec<PlannedTunnels>,
    /// Those whose endpoint leaves, by the word of its source, where there are some: they are closed whatever `drain.reload.on` says.
    #[serde(default)]
    pub leaving: Option<PlannedLeaving>,
    /// How many tunnels would be closed.
    pub closing: usize,
    /// How many tunnels lose nothing.
    pub staying: usize,
    /// How many tunnels lose something and stay nevertheless, because of `drain.reload.on = "keep"`.
    pub kept: usize,
    /// The processes that handed over and drain still: a reload does not reach them.
    #[serde(default)]
    pub predecessors: Vec<PlannedPredecessor>,
    /// Over how long the tunnels would be told.
    pub over_seconds: f64,
    /// When what is left would be cut.
    pub deadline_seconds: f64,
    /// The rate that the deadline forces, where it is above the cap.
    pub raised_to_per_second: Option<u32>,
    /// What is odd about the configuration, in words.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Tunnels that drain under `[drain.discovery]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedLeaving {
    /// Which ones.
    pub tunnels: Vec<PlannedTunnels>,
    /// Over how long they would be told.
    pub over_seconds: f64,
    /// When what is left of them would be cut.
    pub deadline_seconds: f64,
    /// The rate that the deadline forces, where it is above the cap.
    pub raised_to_per_second: Option<u32>,
}

/// The tunnels of one route on one endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedTunnels {
    /// Their route.
    pub route: String,
    /// Their endpoint, as `UPSTREAM/NAME`.
    pub endpoint: String,
    /// How many there are.
    pub tunnels: usize,
}

/// What a process holds that handed over, as far as a reload is concerned.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedPredecessor {
    /// The process.
    pub pid: u32,
    /// Its open tunnels; `None` before it has said so.
    pub tunnels: Option<usize>,
    /// Those among them whose listener, route or endpoint the reload would take away; `None` where it does not tell.
    pub losing: Option<usize>,
    /// When what is left there is cut.
    pub ends_in_seconds: Option<u64>,
    /// Why it does not tell.
    pub problem: Option<String>,
}
