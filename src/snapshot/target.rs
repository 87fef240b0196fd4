//! Where the requests of a route go, as it runs.

use std::slice;
use std::sync::Arc;

use super::branch::{Branch, Branches};
use crate::config::UpstreamName;

/// Where the requests of a route go.
#[derive(Clone, Debug)]
pub enum Target {
    /// To the endpoints of an upstream, or of several that share its clients.
    Upstreams(Branches),
}

impl Target {
    /// Every upstream that requests may go to.
    pub fn branches(&self) -> slice::Iter<'_, Arc<Branch>> {
        match self {
            Self::Upstreams(branches) => branches.iter(),
        }
    }

    /// The branch that leads to this upstream.
    pub fn to(&self, upstream: &UpstreamName) -> Option<&Arc<Branch>> {
        self.branches().find(|branch| branch.upstream.settings.name == *upstream)
    }
}
