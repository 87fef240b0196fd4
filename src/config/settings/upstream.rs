//! `[upstream.NAME]`, as meant.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderName;

use crate::balance::Policy;
use crate::config::names::{EndpointName, UpstreamName};
use crate::grammar::CookieName;

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
