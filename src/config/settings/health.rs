//! What tells that an endpoint is well, and what follows where it is not.

use std::num::{NonZeroU16, NonZeroU32};
use std::ops::RangeInclusive;
use std::time::Duration;

use http::Method;

/// `upstream.NAME.health`: how each endpoint is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// What is asked.
    pub probe: ProbeSettings,
    /// How often.
    pub every: Duration,
    /// How long all of a probe may take; not above `every`.
    pub timeout: Duration,
    /// After so many that went well in a row an endpoint is up again.
    pub rise: NonZeroU32,
    /// After so many that failed in a row it is down.
    pub fall: NonZeroU32,
    /// Where it is asked, if not where its tunnels go.
    pub port: Option<NonZeroU16>,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeSettings {
    /// For a connection.
    Tcp,
    /// For an answer.
    Http {
        /// How.
        method: Method,
        /// For what.
        path: String,
        /// The `Host`; `None`: the endpoint's own.
        host: Option<String>,
        /// The statuses that are well.
        expect: Vec<RangeInclusive<u16>>,
    },
    /// For a WebSocket.
    Websocket {
        /// For which.
        path: String,
        /// The `Host`; `None`: the endpoint's own.
        host: Option<String>,
    },
}

/// `upstream.NAME.eject`: when an endpoint is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EjectSettings {
    /// After so many requests in a row that failed there.
    pub after: NonZeroU32,
    /// For how long the first time; twice as long each time that its trial fails.
    pub first: Duration,
    /// For how long at the most; not below `first`.
    pub most: Duration,
}

/// What becomes of the open tunnels of an endpoint that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDown {
    /// Nothing.
    Keep,
    /// They are drained as by a reload.
    Drain,
    /// They are all told at once.
    Close,
}

/// What becomes of requests while every endpoint is down or ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAllDown {
    /// The endpoints are tried.
    Try,
    /// They are refused.
    Refuse,
}
