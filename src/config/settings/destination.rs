//! Where the requests of a route go.

use std::fmt;

use crate::config::names::UpstreamName;

/// Where the requests of a route go.
#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    /// To the endpoints of an upstream.
    Upstream(UpstreamName),
}

impl Destination {
    /// Every upstream that requests may go to.
    pub fn upstreams(&self) -> impl Iterator<Item = &UpstreamName> {
        match self {
            Self::Upstream(upstream) => std::iter::once(upstream),
        }
    }

    /// Whether requests may go to `upstream`.
    pub fn leads_to(&self, upstream: &UpstreamName) -> bool {
        self.upstreams().any(|it| it == upstream)
    }

    /// Whether tunnels that stand on this one stand on `other` as well.
    pub fn has_same_upstreams(&self, other: &Self) -> bool {
        self.upstreams().eq(other.upstreams())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(upstream) => upstream.fmt(f),
        }
    }
}
