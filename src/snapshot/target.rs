//! Where the requests of a route go, as it runs.

use std::slice;
use std::sync::Arc;

use bytes::Bytes;

use super::branch::{Branch, Branches};
use crate::config::{RespondSettings, UpstreamName};
use crate::rules::Redirect;

/// Where the requests of a route go.
#[derive(Clone, Debug)]
pub enum Target {
    /// To the endpoints of an upstream, or of several that share its clients.
    Upstreams(Branches),
    /// Their clients are sent to another place.
    Redirect(Redirect),
    /// They have one answer, with this body.
    Respond(Arc<RespondSettings>, Bytes),
}

impl Target {
    /// Every upstream that requests may go to.
    pub fn branches(&self) -> slice::Iter<'_, Arc<Branch>> {
        match self {
            Self::Upstreams(branches) => branches.iter(),
            Self::Redirect(_) | Self::Respond(..) => [].iter(),
        }
    }

    /// The branch that leads to this upstream.
    pub fn to(&self, upstream: &UpstreamName) -> Option<&Arc<Branch>> {
        self.branches().find(|branch| branch.upstream.settings.name == *upstream)
    }

    /// Whether both answer with the same, as far as that is read of files.
    pub(super) fn has_same_body(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Respond(_, body), Self::Respond(_, other)) => body == other,
            _ => true,
        }
    }
}
