//! `GET /tunnels` and `/tunnels/{id}`, as they are answered.

use serde::{Deserialize, Serialize};

/// `GET /tunnels`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelList {
    /// Those that were asked for, in the order that was asked for.
    pub tunnels: Vec<TunnelStatus>,
    /// How many open tunnels of this process meet the conditions.
    pub matching: usize,
    /// How many are open in this process.
    pub open: usize,
    /// What `after` says in the request for those that follow; `None` where there are none.
    pub next: Option<String>,
    /// The processes that handed over and drain still: what they hold is not listed.
    pub not_listed: Vec<TunnelsElsewhere>,
}

/// What a process holds that handed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelsElsewhere {
    /// The process.
    pub pid: u32,
    /// Its open tunnels; `None` before it has said so.
    pub tunnels: Option<usize>,
}

/// One open tunnel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelStatus {
    /// Its number, as the log has it.
    pub id: u64,
    /// The listener that it came through.
    pub listener: String,
    /// Its route.
    pub route: String,
    /// Its upstream.
    pub upstream: String,
    /// Its endpoint, by its name alone.
    pub endpoint: String,
    /// The address of its client, as believed.
    pub client: String,
    /// What it asked for, the first 256 bytes; without the query.
    pub path: String,
    /// The host that it asked.
    pub host: String,
    /// For how many seconds it is open.
    pub age_seconds: u64,
    /// For how many seconds no data has passed.
    pub idle_seconds: u64,
    /// Data messages so far; 0 of what is no WebSocket.
    pub messages: InDirections<u64>,
    /// Bytes so far, with frame headers.
    pub bytes: InDirections<u64>,
    /// Bytes that were read, and that the other side does not take.
    pub buffered_bytes: InDirections<u32>,
    /// How fast it was lately; `None` at the first look, which has nothing to compare with.
    pub rate: Option<TunnelRate>,
    /// How many milliseconds each side took to answer our last ping; `None` where it has answered none.
    pub ping_ms: OnSides<Option<f64>>,
    /// Whether it has the order to end.
    pub is_ending: bool,
    /// How often a handoff moved it from one process to the next.
    #[serde(default)]
    pub moved: u16,
}

/// How fast a tunnel was, a second, over the last few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelRate {
    /// Data messages of both directions.
    pub messages_per_second: f64,
    /// Bytes of both directions.
    pub bytes_per_second: f64,
}

/// One of each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InDirections<T> {
    /// Of what the client sends.
    pub from_client: T,
    /// Of what the endpoint sends.
    pub from_upstream: T,
}

/// One of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OnSides<T> {
    /// The client's.
    pub client: T,
    /// The endpoint's.
    pub upstream: T,
}

/// `GET /tunnels/{id}`: everything that is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelDetail {
    /// What the list says.
    #[serde(flatten)]
    pub status: TunnelStatus,
    /// When it opened, in seconds since 1970.
    pub opened: u64,
    /// What the client speaks: `http/1.1` or `h2`.
    pub protocol: String,
    /// The port of the client, where it came to us by itself.
    pub client_port: Option<u16>,
    /// By what it was placed, as the log says it.
    pub placed: String,
    /// Empty where there was none.
    pub user_agent: String,
    /// The name that its route gave the request.
    pub request_id: Option<String>,
    /// What is kept of what was said of who opened it: the names of the claims, not what they say.
    pub claims: Vec<String>,
    /// When its permission ends; `None` where it does not.
    pub permitted_for_seconds: Option<u64>,
    /// The limits that it was born with; `None` is off.
    pub limits: TunnelLimits,
    /// The order that it has; `None` where it may stay.
    pub order: Option<TunnelOrder>,
}

/// What a tunnel is held to; seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelLimits {
    /// Ends it without activity.
    pub idle_timeout: Option<f64>,
    /// Ends it whatever passes, give or take a tenth.
    pub max_lifetime: Option<f64>,
    /// How long a side may take nothing.
    pub stall_timeout: Option<f64>,
    /// How long an answer to a ping may take, where one is expected.
    #[serde(default)]
    pub pong_within: f64,
    /// How long the client may be quiet before it is pinged.
    pub ping_client_every: Option<f64>,
    /// How long the endpoint may.
    pub ping_upstream_every: Option<f64>,
    /// Payload bytes of a message.
    pub max_message_from_client: Option<u64>,
    /// The same of the endpoint's.
    pub max_message_from_upstream: Option<u64>,
    /// Frames that a message of the client's may come in.
    #[serde(default)]
    pub max_fragments_from_client: Option<u64>,
    /// The same of the endpoint's.
    #[serde(default)]
    pub max_fragments_from_upstream: Option<u64>,
    /// Bytes of a compressed message of the client's, inflated.
    #[serde(default)]
    pub max_inflated_message_from_client: Option<u64>,
    /// The same of the endpoint's.
    #[serde(default)]
    pub max_inflated_message_from_upstream: Option<u64>,
    /// Bytes that the client may send in a second.
    #[serde(default)]
    pub bytes_per_second_from_client: Option<u64>,
    /// Bytes that the endpoint may.
    #[serde(default)]
    pub bytes_per_second_from_upstream: Option<u64>,
    /// Messages that the client may send in a second.
    pub messages_per_second_from_client: Option<u64>,
    /// Messages that the endpoint may.
    pub messages_per_second_from_upstream: Option<u64>,
}

/// An order to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TunnelOrder {
    /// Why.
    pub cause: String,
    /// The code of the Close that the client reads.
    pub close_code: u16,
    /// Its reason.
    pub reason: String,
    /// When it is cut at the latest.
    pub ends_in_seconds: u64,
}
