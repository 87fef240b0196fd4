//! What is said over the admin listener, in both directions: JSON, durations as in the configuration.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::certificate::CertificateStatus;
use super::upstream::UpstreamStatus;
use crate::admin::look::ReloadNote;
use crate::config::parse_duration;
use crate::drain::{BadDrainTarget, DrainTarget, Overrides};
use crate::websocket::CloseCode;

/// `POST /drain`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// What is to be drained: `all`, `listener/NAME`, `route/NAME`, `upstream/NAME`, `endpoint/UPSTREAM/NAME`, `tunnel/ID`.
    pub scope: String,
    /// When what is left is cut, such as `"5min"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Over how long the tunnels are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<String>,
    /// How many are told each second at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_second: Option<NonZeroU32>,
    /// The code of the Close that clients read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_code: Option<u16>,
    /// Its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a drain will be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DrainAnswer {
    /// Its number in the status.
    pub id: u64,
    /// What it is about.
    pub scope: String,
    /// How many tunnels that is, those of processes that handed over among them.
    pub tunnels: usize,
    /// Over how long they are told.
    pub over_seconds: f64,
    /// When what is left is cut.
    pub deadline_seconds: f64,
    /// The rate that the deadline forces, where it is above the cap.
    pub raised_to_per_second: Option<u32>,
    /// The processes that handed over and drain still: each drains the same, by itself.
    #[serde(default)]
    pub predecessors: Vec<DrainingPredecessor>,
}

/// What a drain comes to in a process that handed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DrainingPredecessor {
    /// The process.
    pub pid: u32,
    /// Its drain's number there; `None` where it has nothing of that name, or was not reached.
    pub id: Option<u64>,
    /// How many of its tunnels that is.
    pub tunnels: usize,
    /// Why it does not drain.
    pub problem: Option<String>,
}

/// `POST /undrain`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UndrainRequest {
    /// `UPSTREAM/NAME`.
    pub endpoint: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UndrainAnswer {
    /// `UPSTREAM/NAME`.
    pub endpoint: String,
    /// Whether it was draining.
    pub was_draining: bool,
    /// The processes that handed over, drain still, and were not reached.
    #[serde(default)]
    pub not_reached: Vec<Unreached>,
}

/// A process that handed over and drains still, but did not do what was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unreached {
    /// The process.
    pub pid: u32,
    /// Why.
    pub problem: String,
}

/// What a reload did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReloadAnswer {
    /// The file that was read.
    pub config: PathBuf,
    /// The generation that is served now.
    pub generation: u64,
    /// What is different, in words; nothing where the configuration was the same.
    pub changes: Vec<String>,
    /// What looks renamed, in words.
    pub renames: Vec<String>,
    /// How many tunnels are drained because of it.
    pub draining: usize,
    /// What is odd about the configuration, in words.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// `GET /rights`: what who asks may do here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RightsAnswer {
    /// The listener, as `[admin] listen` has it.
    pub listen: String,
    /// Whether they may have something done.
    pub may_steer: bool,
}

/// The version of [`Status`].
pub const STATUS_SCHEMA: u32 = 1;

/// `GET /status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// [`STATUS_SCHEMA`]: raised where a field goes or means something else; fields that come do not raise it.
    pub schema_version: u32,
    /// The version of the program.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// The configuration file; `None` where there is none.
    pub config: Option<PathBuf>,
    /// For how long it runs.
    pub uptime_seconds: u64,
    /// Since when this process counts reloads, drains and what `/metrics` counts, in seconds since 1970: each process of
    /// a handoff counts for itself.
    pub counting_since: u64,
    /// `serving`, or how far the stop is.
    pub phase: String,
    /// Which configuration is served; counts on in a handoff.
    pub generation: u64,
    /// How the reloads went.
    pub reloads: ReloadsStatus,
    /// Open connections that are no tunnel.
    pub sessions: usize,
    /// Open tunnels, those of processes that handed over among them.
    pub tunnels: usize,
    /// Those among them that processes hold which handed over.
    #[serde(default)]
    pub tunnels_of_predecessors: usize,
    /// Those among all of them whose listener, route or endpoint is gone.
    pub tunnels_of_what_is_gone: usize,
    /// Every listener.
    pub listeners: Vec<ListenerStatus>,
    /// Every route.
    pub routes: Vec<RouteStatus>,
    /// Every upstream.
    pub upstreams: Vec<UpstreamStatus>,
    /// Every name that certificates are ordered for.
    #[serde(default)]
    pub certificates: Vec<CertificateStatus>,
    /// The processes that handed over and drain still.
    pub predecessors: Vec<PredecessorStatus>,
    /// The drains that are under way, and the last that are over.
    pub drains: Vec<DrainStatus>,
}

/// A process that handed over and drains still.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PredecessorStatus {
    /// The process.
    pub pid: u32,
    /// Its open tunnels; `None` before it has said so.
    pub tunnels: Option<usize>,
    /// When what is left there is cut.
    #[serde(default)]
    pub ends_in_seconds: Option<u64>,
    /// Its drains.
    #[serde(default)]
    pub drains: Vec<DrainStatus>,
    /// Why it does not tell more: its tunnels are counted nowhere else then.
    #[serde(default)]
    pub problem: Option<String>,
}

/// `POST /handoff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HandoffAnswer {
    /// The process that serves now.
    pub pid: u32,
    /// How many open tunnels go on there.
    #[serde(default)]
    pub moved: usize,
    /// How many drain in the process before, by why they could not move: `not_agreed`, `tls12`, `http2`, `ending`, `gone`, `full`, `busy`, `late`, `failed`.
    #[serde(default)]
    pub stayed: BTreeMap<String, usize>,
    /// The longest that one of those that moved stood still, in milliseconds.
    #[serde(default)]
    pub longest_pause_ms: f64,
}

/// How the reloads went.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReloadsStatus {
    /// Those that changed something.
    pub changed: u64,
    /// Those that changed nothing.
    pub unchanged: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Why the last one was refused; `None` where it was not.
    pub last_refusal: Option<String>,
    /// The last ones, the oldest first.
    #[serde(default)]
    pub last: Vec<ReloadNote>,
}

/// One listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Whether there is TLS on it.
    pub tls: bool,
}

/// One route.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RouteStatus {
    /// Its name.
    pub name: String,
    /// Where its requests go; the names of several with a comma between them.
    pub upstream: String,
    /// How it shares its clients among several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<BranchStatus>,
    /// Its open tunnels, those of processes that handed over among them.
    pub tunnels: usize,
    /// Those among them that processes hold which handed over.
    #[serde(default)]
    pub tunnels_of_predecessors: usize,
}

/// One of several upstreams of a route.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BranchStatus {
    /// Its name.
    pub upstream: String,
    /// Its share, relative to the others'.
    pub weight: u32,
    /// The open tunnels that the route has there, those of processes that handed over among them.
    pub tunnels: usize,
}

/// One drain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DrainStatus {
    /// Its number.
    pub id: u64,
    /// `stop`, `reload`, `handoff`, `operator`, `endpoint_down` or `discovery`.
    pub cause: String,
    /// What it is about.
    pub scope: String,
    /// `running`, `complete`, `taken_back` or `handed_on`.
    pub state: DrainState,
    /// How many tunnels it is about.
    pub tunnels: usize,
    /// How many of them are open.
    pub left: usize,
    /// How many were told.
    pub told: usize,
    /// How many ended.
    pub closed: usize,
    /// How many were cut.
    pub cut: usize,
    /// How long it still has.
    pub ends_in_seconds: u64,
    /// The rate that the deadline forces, where it is above the cap.
    pub raised_to_per_second: Option<u32>,
}

/// Whether a drain is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DrainState {
    /// It is.
    Running,
    /// It is over.
    Complete,
    /// It was taken back.
    TakenBack,
    /// Another drain has gone on with those that it had not told: in the process that has taken over, or with those that stayed.
    HandedOn,
}

impl DrainRequest {
    /// What is to be drained, and what is to be otherwise than configured.
    ///
    /// # Errors
    /// What makes no sense.
    pub fn understood(&self) -> Result<(DrainTarget, Overrides), String> {
        let duration = |what: &str, text: &Option<String>| {
            let parsed = text.as_deref().map(parse_duration).transpose();
            parsed.map_err(|wrong| format!("{what}: {wrong}"))
        };
        let code = self.close_code.map(|code| CloseCode::new(code).ok_or(code)).transpose();
        let target = self.scope.parse().map_err(|wrong: BadDrainTarget| wrong.to_string())?;
        let overrides = Overrides {
            deadline: duration("deadline", &self.deadline)?,
            spread: duration("spread", &self.spread)?,
            max_per_second: self.max_per_second,
            code: code.map_err(|code| format!("close_code: {code} never stands in a Close frame"))?,
            reason: self.reason.as_deref().map(Into::into),
        };
        Ok((target, overrides))
    }
}
