//! `[route.NAME]`, as meant.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::access::AccessSettings;
use super::destination::Destination;
use super::rules::{ErrorPageSettings, RuleSettings};
use super::websocket::WebsocketSettings;
use crate::config::names::{ListenerName, RouteName};

/// `[route.NAME]`: which requests go where, and under which limits.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSettings {
    /// Its identity.
    pub name: RouteName,
    /// The hosts it serves; empty means every host.
    pub hosts: Vec<HostPattern>,
    /// The listeners it is reachable through; empty means all of them.
    pub listeners: Vec<ListenerName>,
    /// The path prefix, on segment borders; always starts with `/`, never ends with one (but for `/` itself).
    pub path: String,
    /// What becomes of a path with dot segments, where `path` is not `/`.
    pub dot_segments: DotSegments,
    /// What becomes of a path that an endpoint may read as that of another route.
    pub other_spellings: OtherSpellings,
    /// Where its requests go.
    pub destination: Destination,
    /// The upgrade tokens let through, in lower case.
    pub upgrade: Vec<String>,
    /// How long the other direction of a tunnel of another protocol may be quiet after one ended with a FIN.
    pub raw_half_close_timeout: Option<Duration>,
    /// The rules of its plain exchanges.
    pub exchange: ExchangeSettings,
    /// Whom it lets in.
    pub access: Arc<AccessSettings>,
    /// What it asks of requests, and changes of them.
    pub rules: Arc<RuleSettings>,
    /// What its refusals say, where that is said for them.
    pub error_pages: Arc<[ErrorPageSettings]>,
    /// The rules of its WebSocket tunnels.
    pub websocket: Arc<WebsocketSettings>,
}

/// `max_body`, `request_timeout` and `request_id` of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeSettings {
    /// Bytes of a request body.
    pub max_body: Option<u64>,
    /// How long an exchange may take, from its request's head to its answer's end.
    pub request_timeout: Option<Duration>,
    /// The header that gives each request a name of its own.
    pub request_id: Option<HeaderName>,
}

/// What becomes of a request whose path has a segment `.` or `..`, or a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotSegments {
    /// It is refused.
    Refuse,
    /// It goes on as it is, and the endpoint resolves them.
    Pass,
}

/// What becomes of a request whose path is, for some endpoint, that of another route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherSpellings {
    /// It is refused.
    Refuse,
    /// It goes on as it is: the endpoint reads paths as they are sent.
    Pass,
}

/// One entry of `route.NAME.hosts`, in lower case and without a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `chat.example.com`
    Exact(String),
    /// `*.example.com`, kept as `example.com`: any number of labels in front of it, at least one.
    Wildcard(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Wildcard(domain) => write!(f, "*.{domain}"),
        }
    }
}
