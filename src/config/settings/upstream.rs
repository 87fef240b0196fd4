//! `[upstream.NAME]`, as meant.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use http::HeaderName;

use super::health::{EjectSettings, HealthSettings, OnDown, WhenAllDown};
use super::named_file::NamedFile;
use super::queue::{HandshakeLimits, QueueSettings, WhenFull};
use super::reach::{
    EndpointAddress, EndpointProtocol, EndpointTlsSettings, HostTowardsEndpoint, ProxyProtocol, RetryBudgetSettings,
    TcpKeepaliveSettings,
};
use super::source::SourceSettings;
use crate::balance::{LoadFactor, Policy};
use crate::config::names::{EndpointName, UpstreamName};
use crate::grammar::CookieName;

/// `[upstream.NAME]`: a named group of endpoints with a balancing policy.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamSettings {
    /// Its identity.
    pub name: UpstreamName,
    /// Its endpoints in the order of their names; at least one, but where a source is asked for them.
    pub endpoints: Vec<EndpointSettings>,
    /// Who is asked for endpoints; none where the file lists them.
    pub source: Option<SourceSettings>,
    /// How TLS is spoken with them, where it is.
    pub tls: Option<EndpointTlsSettings>,
    /// What exchanges are spoken in.
    pub protocol: EndpointProtocol,
    /// What they read as `Host`.
    pub host: HostTowardsEndpoint,
    /// The header that tells them who the client is.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Where connections come from, in turn; the system chooses where there is none.
    pub source_addresses: Vec<IpAddr>,
    /// How the kernel finds out that one has vanished which is silent.
    pub tcp_keepalive: Option<TcpKeepaliveSettings>,
    /// How long what was sent may stay unacknowledged (tcp(7), `TCP_USER_TIMEOUT`).
    pub tcp_user_timeout: Option<Duration>,
    /// How an endpoint is chosen.
    pub policy: Policy,
    /// How far above the average the tunnels of an endpoint may be under `sticky`.
    pub bounded_load: Option<LoadFactor>,
    /// How many endpoints one affinity key reaches at the most.
    pub shards: Option<NonZeroUsize>,
    /// How long an endpoint that comes, or comes back, takes to reach its whole weight.
    pub slow_start: Option<Duration>,
    /// Where the affinity key is looked for, first come first served; none if nowhere.
    pub sticky_on: Vec<AffinitySource>,
    /// The cookie that keeps a client where it was first placed.
    pub pin_cookie: Option<PinCookie>,
    /// The file with the secrets that the cookie's tokens are made with.
    pub pin_secret: Option<NamedFile>,
    /// How many tunnels may be open on each endpoint.
    pub max_tunnels: Option<NonZeroUsize>,
    /// How many handshakes may be under way on each endpoint.
    pub handshakes_at_once: Option<HandshakeLimits>,
    /// Who waits for a place or a turn.
    pub queue: QueueSettings,
    /// What becomes of who cannot wait.
    pub when_full: WhenFull,
    /// How endpoints are probed.
    pub health: Option<HealthSettings>,
    /// When an endpoint is left alone for a while whose requests fail.
    pub eject: Option<EjectSettings>,
    /// How many eligible endpoints an ejection leaves at the least.
    pub min_eligible: usize,
    /// What becomes of the open tunnels of an endpoint that is down.
    pub on_down: OnDown,
    /// What becomes of requests while every endpoint is down or ejected.
    pub when_all_down: WhenAllDown,
    /// How many requests may be asked again of another endpoint; no bound where there is none.
    pub retry_budget: Option<RetryBudgetSettings>,
    /// How long a connect may take, name lookup and TLS handshake included.
    pub connect_timeout: Duration,
    /// How long the answer to an upgrade may take.
    pub handshake_timeout: Duration,
    /// How long the head of a plain answer may take.
    pub response_timeout: Duration,
    /// How long an endpoint may take none of a request body.
    pub body_timeout: Duration,
    /// How long an unused connection to an endpoint is kept for the next exchange.
    pub keep_alive: Option<Duration>,
}

impl UpstreamSettings {
    /// The DNS servers that are asked for the names of its endpoints; those of `[resolver]` where there are none.
    pub fn dns_servers(&self) -> &[SocketAddr] {
        self.source.as_ref().map_or(&[], |source| &source.servers)
    }
}

/// One endpoint of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Its identity within the upstream.
    pub name: EndpointName,
    /// Where it is.
    pub address: EndpointAddress,
    /// Its share of the placements, relative to the others'.
    pub weight: NonZeroU32,
    /// When it serves.
    pub role: EndpointRole,
}

/// When an endpoint serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointRole {
    /// Always.
    Ready,
    /// Only while no other can.
    Backup,
    /// Nobody new: its source says that it is going, or does not name it any more.
    Leaving,
}

impl EndpointRole {
    /// The word for it, in files of endpoints and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Backup => "backup",
            Self::Leaving => "leaving",
        }
    }
}

/// One entry of `upstream.NAME.sticky_on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AffinitySource {
    /// `claim:NAME`: what the token of the request says.
    Claim(String),
    /// `header:NAME`
    Header(HeaderName),
    /// `cookie:NAME`
    Cookie(CookieName),
    /// `query:NAME`
    Query(String),
    /// `path:N`: the N-th segment of the path, the first is 1.
    PathSegment(NonZeroUsize),
    /// `host`
    Host,
    /// `client_ip`
    ClientIp,
    /// `client_certificate`: the fingerprint of the certificate that the client has shown.
    ClientCertificate,
}

/// `upstream.NAME.pin_cookie`: the cookie that keeps a client where it was first placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinCookie {
    /// Its name.
    pub name: CookieName,
    /// For which paths it is sent (RFC 6265 §4.1.2.4).
    pub path: String,
    /// For which hosts it is sent; `None`: the one that set it (§4.1.2.3).
    pub domain: Option<String>,
    /// Which sites' requests it goes with.
    pub same_site: SameSite,
    /// Whether it is sent over TLS only.
    pub secure: Secure,
    /// How long it is kept; `None`: as long as the browser session.
    pub max_age: Option<Duration>,
}

/// Which sites' requests a cookie goes with (RFC 6265bis §4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// All where the cookie is secure, else the same site's.
    Auto,
    /// Only those of the same site.
    Strict,
    /// Those of the same site, and links that lead to it.
    Lax,
    /// All; browsers want `Secure` with it.
    None,
}

/// Whether a cookie is sent over TLS only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// Where the listener has TLS.
    Auto,
    /// Always: TLS ends before us.
    Always,
    /// Never.
    Never,
}
