//! What is looked at when somebody asks: it is kept nowhere, so it cannot be out of date.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::config::{EndpointName, EndpointRole, ListenerName, RouteName, UpstreamName};
use crate::snapshot::{EndpointState, HealthCounts, KeyCounts, RetryCounts};
use crate::traffic::RouteTraffic;

/// How things stand now.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Since when the counters count, in seconds since 1970.
    pub counting_since: u64,
    /// Which configuration is served.
    pub generation: u64,
    /// Whether new sessions and tunnels are welcome.
    pub is_ready: bool,
    /// Open sessions: connections that are no tunnel.
    pub sessions: usize,
    /// How many sessions and tunnels there is room for.
    pub most_tunnels: usize,
    /// Open tunnels, by where they belong; none is a number too.
    pub tunnels: Vec<TunnelsOpen>,
    /// Those that processes hold which handed over.
    pub tunnels_of_predecessors: Vec<TunnelsOpen>,
    /// How many processes handed over and drain still.
    pub predecessors: usize,
    /// Every endpoint.
    pub endpoints: Vec<EndpointGauge>,
    /// How it stands with the names of endpoints.
    pub names: NamesGauge,
    /// Who is asked for endpoints.
    pub sources: Vec<SourceGauge>,
    /// How it stands with the keys that routes fetch.
    pub keys: Vec<(RouteName, KeyCounts)>,
    /// How many wait for the place of a tunnel, by upstream.
    pub waiting: Vec<(UpstreamName, usize)>,
    /// How often requests were asked again of another endpoint, by upstream.
    pub retries: Vec<(UpstreamName, RetryCounts)>,
    /// The names that certificates are ordered for.
    pub ordered: Vec<OrderGauge>,
    /// When each certificate of a listener ends.
    pub certificates: Vec<CertificateEnd>,
    /// The time of day, in seconds since 1970.
    pub time: i64,
    /// What the process takes of the machine.
    pub process: ProcessUsage,
    /// What the allocator has counted, where it says so.
    pub allocator: Option<AllocatorUsage>,
    /// Every listener, and where it is reached.
    pub listeners: Vec<(ListenerName, SocketAddr)>,
    /// The drains that are under way.
    pub drains: Vec<DrainGauge>,
    /// What went through the tunnels of each route, those that are open among them.
    pub traffic: BTreeMap<RouteName, RouteTraffic>,
}

/// When a certificate of a listener ends.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateEnd {
    /// Its listener; `admin/` and the address where it is one for operators.
    pub listener: String,
    /// The first name that it is for.
    pub name: String,
    /// In seconds since 1970; the first of its issuers' may be earlier, and counts.
    pub ends: i64,
}

/// How one endpoint stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGauge {
    /// Its upstream.
    pub upstream: UpstreamName,
    /// Its name there.
    pub endpoint: EndpointName,
    /// What speaks against placing anybody there.
    pub state: EndpointState,
    /// Tunnels that are open there, or about to.
    pub load: usize,
    /// Connections to it that came to nothing, ever.
    pub connect_failures: u64,
    /// What was counted of its health, ever.
    pub health: HealthCounts,
    /// Its handshakes, where they are limited.
    pub handshakes: Option<HandshakesGauge>,
}

/// How it stands with the source of one upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceGauge {
    /// Its upstream.
    pub upstream: UpstreamName,
    /// What is asked.
    pub source: String,
    /// How long ago it named the set that is served; `None` where it has named none yet.
    pub age: Option<Duration>,
    /// How often it has not answered, ever.
    pub failures: u64,
    /// How many sets of it were refused, ever.
    pub refused: u64,
    /// How many endpoints there are of each role.
    pub endpoints: [(EndpointRole, usize); 3],
}

/// How it stands with a name that certificates are ordered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderGauge {
    /// The name.
    pub name: String,
    /// When its certificate ends, in seconds since 1970; `None` where there is none.
    pub ends: Option<i64>,
    /// How often an order has failed, ever.
    pub failures: u64,
}

/// How it stands with the handshakes of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakesGauge {
    /// How many there may be at once.
    pub limit: usize,
    /// How many wait for their turn.
    pub waiting: usize,
}

/// How it stands with the names of endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamesGauge {
    /// How many are known.
    pub known: usize,
    /// How many of them cannot be resolved.
    pub failing: usize,
    /// The age of the oldest addresses that are used because there are no better ones.
    pub oldest: Duration,
    /// Lookups that found something, ever.
    pub answered: u64,
    /// Lookups that did not, ever.
    pub failed: u64,
}

/// Where the memory of the process is, in bytes, by the count of its allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorUsage {
    /// What the program holds.
    pub allocated: u64,
    /// The pages in which that is.
    pub active: u64,
    /// What the allocator needs for itself.
    pub metadata: u64,
    /// Those pages, its own, and those that it has not given back yet.
    pub resident: u64,
    /// Addresses without memory, kept for later.
    pub retained: u64,
}

/// Asks the allocator.
pub type AllocatorReader = fn() -> Option<AllocatorUsage>;

/// What the process takes of the machine; `None` is what cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUsage {
    /// Time on a core, ours and the kernel's for us, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Memory that is really there, in bytes.
    pub resident_bytes: Option<u64>,
    /// Addresses that are taken, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open file descriptors.
    pub descriptors: Option<u64>,
    /// How many there may be; `None` for any number, too.
    pub most_descriptors: Option<u64>,
    /// When the process began, in seconds since 1970.
    pub started_at: Option<f64>,
}

/// The open tunnels of one route on one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelsOpen {
    /// Their route.
    pub route: RouteName,
    /// Their upstream.
    pub upstream: UpstreamName,
    /// Their endpoint.
    pub endpoint: EndpointName,
    /// How many there are.
    pub count: usize,
}

/// How far one drain has come.
#[derive(Clone, Debug)]
pub struct DrainGauge {
    /// Its number.
    pub id: u64,
    /// Why it takes place.
    pub cause: &'static str,
    /// What it is about.
    pub scope: String,
    /// Tunnels still open.
    pub left: usize,
    /// Tunnels told so far.
    pub told: usize,
    /// Tunnels that ended.
    pub closed: usize,
    /// Tunnels that were cut.
    pub cut: usize,
    /// How long it still has.
    pub ends_in: Duration,
}
