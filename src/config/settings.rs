//! The configuration as meant: every default filled in, every text parsed, every reference checked.
//!
//! An `Option` here means that a thing can be off, never "the default". Nothing in this file knows TOML.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

pub use super::log_settings::{LogFormat, LogLevel, LogSettings};
use super::names::{EndpointName, ListenerName, RouteName, UpstreamName};
use super::not_compared::NotCompared;
use super::problem::SourceLocation;
use super::warning::Warnings;
use super::written::Written;
use crate::balance::Policy;
use crate::grammar::CookieName;
use crate::websocket::{CloseCode, PerDirection, PerSide, Strictness};

/// A whole configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many worker threads carry sessions and tunnels.
    pub workers: WorkerCount,
    /// Whether a change of the file, or of a certificate that it names, is a reload.
    pub watch: bool,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Every listener by name.
    pub listeners: BTreeMap<ListenerName, Arc<ListenerSettings>>,
    /// Every route by name.
    pub routes: BTreeMap<RouteName, Arc<RouteSettings>>,
    /// Every upstream by name.
    pub upstreams: BTreeMap<UpstreamName, Arc<UpstreamSettings>>,
    /// How tunnels are ended when we have to end them.
    pub drain: DrainSettings,
    /// How operators look in and steer.
    pub admin: AdminSettings,
    /// What is odd about how it is written.
    pub warnings: NotCompared<Warnings>,
    /// The same in the words of the file.
    pub written: NotCompared<Written>,
}

/// The number of worker threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerCount {
    /// One for each core that this process may use.
    PerCore,
    /// Exactly so many.
    Count(NonZeroUsize),
}

/// `[listener.NAME]`: one bound address and its TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSettings {
    /// Its identity.
    pub name: ListenerName,
    /// Where it listens.
    pub bind: Bind,
    /// Its certificates; `None` is a plain listener.
    pub tls: Option<TlsSettings>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a TLS handshake may take.
    pub tls_timeout: Duration,
    /// How long a request head may take: the first from accept on, any other from its first byte on.
    pub head_timeout: Duration,
    /// How long a session may rest between two requests.
    pub rest_timeout: Duration,
    /// How long a client may send none of its request body, or take none of the answer.
    pub body_timeout: Duration,
}

/// `listener.NAME.bind`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bind {
    /// An IP address and a port; port 0 is any that is free.
    Address(SocketAddr),
    /// `systemd:NAME`: the socket that systemd passes under this name (systemd.socket(5), `FileDescriptorName=`).
    Systemd(String),
}

impl Bind {
    /// Reads what [`Bind`] displays.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("systemd:") {
            Some(name) => Some(Self::Systemd(name.to_owned())),
            None => text.parse().ok().map(Self::Address),
        }
    }

    /// The address, where it is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Systemd(_) => None,
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// `listener.NAME.tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// At least one; the first also serves clients whose SNI matches none.
    pub certificates: Vec<CertificateFiles>,
}

/// The two PEM files of one certificate, as absolute paths or relative to the configuration file's folder (already joined).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate chain, leaf first.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Where `chain` is written, for problems found in the file it names.
    pub chain_location: NotCompared<SourceLocation>,
    /// Where `key` is written.
    pub key_location: NotCompared<SourceLocation>,
}

impl CertificateFiles {
    /// Two files that are written nowhere in a configuration.
    pub fn new(chain: PathBuf, key: PathBuf) -> Self {
        Self { chain, key, chain_location: NotCompared::default(), key_location: NotCompared::default() }
    }
}

/// `[route.NAME]`: which requests go to which upstream, and under which limits.
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
    /// Where its requests go.
    pub upstream: UpstreamName,
    /// The upgrade tokens let through, in lower case.
    pub upgrade: Vec<String>,
    /// How long the other direction of a tunnel of another protocol may be quiet after one ended with a FIN.
    pub raw_half_close_timeout: Option<Duration>,
    /// The rules of its WebSocket tunnels.
    pub websocket: Arc<WebsocketSettings>,
}

/// What becomes of a request whose path has a segment `.` or `..`, or a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DotSegments {
    /// It is refused.
    Refuse,
    /// It goes on as it is, and the endpoint resolves them.
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

/// `[route.NAME.websocket]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WebsocketSettings {
    /// Ends a tunnel that had no activity in either direction for so long.
    pub idle_timeout: Option<Duration>,
    /// What counts as activity.
    pub idle_counts: IdleCounts,
    /// How long a side may be quiet before it is pinged.
    pub ping_every: PerSide<Option<Duration>>,
    /// How long a pinged side may stay silent.
    pub pong_within: Duration,
    /// What a missing pong means.
    pub pongs: PerSide<Pongs>,
    /// How long a side may take none of what is written to it.
    pub stall_timeout: Option<Duration>,
    /// How old a tunnel may become; each gets ± 10 % of its own.
    pub max_lifetime: Option<Duration>,
    /// How long a closing handshake may take once a side has taken all that was for it.
    pub closing_timeout: Duration,
    /// How long the other direction may go on after one ended with a FIN and no Close.
    pub half_close_timeout: Option<Duration>,
    /// What a client reads when its endpoint is gone without a Close.
    pub endpoint_lost_code: CloseCode,
    /// What a direction may carry.
    pub limits: PerDirection<LimitSettings>,
    /// Whether permessage-deflate may be negotiated.
    pub compression: Compression,
    /// Whether handshakes and frames have to obey RFC 6455 to the letter.
    pub strictness: Strictness,
}

impl WebsocketSettings {
    /// Whether what a message inflates to is limited, in any direction.
    pub fn limits_inflated(&self) -> bool {
        let PerDirection { from_client, from_upstream } = &self.limits;
        from_client.max_inflated_message.is_some() || from_upstream.max_inflated_message.is_some()
    }
}

/// What keeps a tunnel from being idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleCounts {
    /// Only data messages.
    Messages,
    /// Any frame, the pings and pongs of the two ends too.
    Frames,
}

/// What it means that a pinged side stays silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pongs {
    /// Only of a side that has sent a Pong before it means that it is dead; any other is, once its kernel acknowledges
    /// nothing of what was sent. Some devices answer no ping at all.
    OnceSeen,
    /// It is dead.
    Required,
}

/// The limits of one direction; `None` is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Payload bytes of one message, as they are on the wire.
    pub max_message: Option<u64>,
    /// Payload bytes of one frame, as they are on the wire.
    pub max_frame: Option<u64>,
    /// Frames of one message.
    pub max_fragments: Option<u64>,
    /// Bytes of one message after decompression.
    pub max_inflated_message: Option<u64>,
    /// Messages a second.
    pub messages_per_second: Option<Rate>,
    /// Ping, Pong and Close frames a second.
    pub control_frames_per_second: Option<Rate>,
    /// Bytes a second, frame headers included.
    pub bytes_per_second: Option<Rate>,
    /// What happens above a rate.
    pub excess: Excess,
}

/// A token bucket: `per_second` come in, at most `burst` are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens a second.
    pub per_second: u64,
    /// Tokens kept at the most; at least `1`.
    pub burst: u64,
}

/// What happens to a direction above its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The sender reads a Close 1008.
    Close,
    /// We stop reading from it until it is within its rate again.
    Throttle,
}

/// What becomes of an offer of permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// The two ends agree on it between them.
    Pass,
    /// The offer is taken out of the request.
    Refuse,
}

/// `[upstream.NAME]`: a named group of endpoints with a balancing policy.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamSettings {
    /// Its identity.
    pub name: UpstreamName,
    /// Its endpoints in the order of their names; at least one.
    pub endpoints: Vec<EndpointSettings>,
    /// How an endpoint is chosen.
    pub policy: Policy,
    /// Where the affinity key is looked for, first come first served; the client's address if nowhere.
    pub sticky_on: Vec<AffinitySource>,
    /// The cookie that keeps a client where it was first placed.
    pub pin_cookie: Option<CookieName>,
    /// How long a connect may take, name lookup included.
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

/// One endpoint of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Its identity within the upstream.
    pub name: EndpointName,
    /// Where it is.
    pub address: EndpointAddress,
    /// Its share of the placements, relative to the others'.
    pub weight: NonZeroU32,
}

/// Where an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndpointAddress {
    /// An IP address and a port.
    Socket(SocketAddr),
    /// A host name in lower case and a port, looked up by the system's resolver at each connect.
    Name(String, u16),
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// One entry of `upstream.NAME.sticky_on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AffinitySource {
    /// `header:NAME`
    Header(HeaderName),
    /// `cookie:NAME`
    Cookie(CookieName),
    /// `query:NAME`
    Query(String),
    /// `client_ip`
    ClientIp,
}

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
    /// After a reload that took something away.
    pub reload: DrainWindow,
    /// Whether a reload drains at all.
    pub on_reload: OnReload,
    /// After a handoff, in the process that handed over.
    pub handoff: HandoffSettings,
}

/// `[drain.handoff]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoffSettings {
    /// How long the process that handed over drains.
    pub window: DrainWindow,
    /// How many processes that handed over may still drain; with so many, the next handoff is refused.
    pub max_predecessors: usize,
    /// How long the new process may take until it is ready; then it is ended, and the old one serves on.
    pub ready_within: Duration,
    /// Whether there is one under who watches this process alone.
    pub under_supervisor: UnderSupervisor,
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

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where operators are listened to.
    pub listen: AdminListen,
    /// Where `listen` is written; no place in a file where it is the default.
    pub location: NotCompared<SourceLocation>,
}

impl AdminSettings {
    /// Whether somebody wrote `listen`, and so counts on it.
    pub fn is_written(&self) -> bool {
        self.location.position.is_some()
    }
}

/// Where operators are listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminListen {
    /// Nowhere.
    Off,
    /// At a unix socket with this path: everything may be asked for.
    Unix(PathBuf),
    /// At a loopback address: nothing but reading.
    Loopback(SocketAddr),
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Loopback(address) => address.fmt(f),
        }
    }
}
