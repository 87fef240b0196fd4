//! Which tunnels a drain is about.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use crate::config::{EndpointName, ListenerName, RouteName, UpstreamName};

/// Tells one life of a named thing from the next: removed and added again, a name keeps its spelling and loses its
/// incarnation. So a drain of the old one never touches tunnels of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// One life of a named thing, as the thing itself holds it, through every version of its settings.
#[derive(Clone, Debug)]
pub struct LifeToken {
    /// Its number.
    pub incarnation: Incarnation,
    alive: Arc<()>,
}

impl LifeToken {
    /// A life that begins.
    pub fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, alive: Arc::new(()) }
    }

    /// Gone when nobody holds any version of the thing any more.
    pub fn alive(&self) -> Weak<()> {
        Arc::downgrade(&self.alive)
    }
}

/// What a tunnel belongs to, by identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The listener it came through.
    pub listener: (ListenerName, Incarnation),
    /// The route it took.
    pub route: (RouteName, Incarnation),
    /// The upstream it was placed in.
    pub upstream: (UpstreamName, Incarnation),
    /// The endpoint it was placed on.
    pub endpoint: (EndpointName, Incarnation),
}

impl Hash for Member {
    /// By the lives alone: each has one name, and every tunnel that opens is looked up by this.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { listener, route, upstream, endpoint } = self;
        (listener.1, route.1, upstream.1, endpoint.1).hash(state);
    }
}

/// Tells one tunnel from all others that this process ever had; stands in the log as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId(pub u64);

impl fmt::Display for TunnelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every tunnel.
    All,
    /// The tunnels that came through a listener.
    Listener(Incarnation),
    /// The tunnels of a route.
    Route(Incarnation),
    /// The tunnels placed in an upstream.
    Upstream(Incarnation),
    /// The tunnels placed on an endpoint.
    Endpoint(Incarnation),
}

impl Member {
    /// Every set that it is in.
    pub fn scopes(&self) -> [Scope; 5] {
        [
            Scope::All,
            Scope::Listener(self.listener.1),
            Scope::Route(self.route.1),
            Scope::Upstream(self.upstream.1),
            Scope::Endpoint(self.endpoint.1),
        ]
    }
}

impl Scope {
    /// Whether `member` is in the set.
    pub fn contains(&self, member: &Member) -> bool {
        match *self {
            Self::All => true,
            Self::Listener(incarnation) => member.listener.1 == incarnation,
            Self::Route(incarnation) => member.route.1 == incarnation,
            Self::Upstream(incarnation) => member.upstream.1 == incarnation,
            Self::Endpoint(incarnation) => member.endpoint.1 == incarnation,
        }
    }
}

/// Who opens the tunnels of tests.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) const LOCAL_CLIENT: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[cfg(test)]
impl Member {
    /// One for tests, which takes a route of this name to `chat/a`.
    pub(crate) fn of_route(name: &str) -> Self {
        Self {
            listener: ("public".into(), Incarnation(1)),
            route: (name.into(), Incarnation(2)),
            upstream: ("chat".into(), Incarnation(3)),
            endpoint: ("a".into(), Incarnation(4)),
        }
    }
}
