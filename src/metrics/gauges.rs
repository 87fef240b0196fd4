//! What is looked at when somebody asks: it is kept nowhere, so it cannot be out of date.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::{EndpointName, ListenerName, RouteName, UpstreamName};

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
    /// Open tunnels, by where they belong.
    pub tunnels: Vec<TunnelsOpen>,
    /// Those that processes hold which handed over.
    pub tunnels_of_predecessors: Vec<TunnelsOpen>,
    /// How many processes handed over and drain still.
    pub predecessors: usize,
    /// Every endpoint, and whether an operator drains it.
    pub endpoints: Vec<(UpstreamName, EndpointName, bool)>,
    /// Every listener, and where it is reached.
    pub listeners: Vec<(ListenerName, SocketAddr)>,
    /// The drains that are under way.
    pub drains: Vec<DrainGauge>,
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
