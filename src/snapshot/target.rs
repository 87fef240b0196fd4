//! Where the requests of a route go, as it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::upstream::Upstream;
use crate::config::{Destination, UpstreamName};

/// Where the requests of a route go.
#[derive(Clone, Debug)]
pub enum Target {
    /// To the endpoints of an upstream.
    Upstream(Arc<Upstream>),
}

impl Target {
    /// What `destination` means among these `upstreams`; `None` where it names one that is missing.
    pub(super) fn of(destination: &Destination, upstreams: &BTreeMap<UpstreamName, Arc<Upstream>>) -> Option<Self> {
        match destination {
            Destination::Upstream(name) => upstreams.get(name).cloned().map(Self::Upstream),
        }
    }

    /// The same, where `new` takes the place of the upstream of its name.
    pub(super) fn with_upstream(&self, new: &Arc<Upstream>) -> Self {
        match self {
            Self::Upstream(old) if old.settings.name == new.settings.name => Self::Upstream(Arc::clone(new)),
            other => other.clone(),
        }
    }

    /// Every upstream that requests may go to.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        match self {
            Self::Upstream(upstream) => std::iter::once(upstream),
        }
    }
}
