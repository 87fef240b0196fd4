//! The upstreams of a route: one, or several that share its clients.

use std::num::NonZeroU32;
use std::slice;
use std::sync::Arc;

use super::upstream::Upstream;
use crate::balance::{AffinityKey, EndpointIdentity, Share, split};
use crate::drain::LifeToken;

/// One upstream of a route.
#[derive(Debug)]
pub struct Branch {
    /// Where its requests go.
    pub upstream: Arc<Upstream>,
    /// Its share of the route's clients, relative to the others'; 0 takes nobody.
    pub weight: u32,
    /// This life of the route at this upstream: an upstream that the route leaves and comes back to begins a new one.
    pub life: LifeToken,
}

/// The upstreams of a route. Invariant: there is one at least, and where there are several, one of them has a weight.
#[derive(Clone, Debug)]
pub struct Branches {
    branches: Arc<[Arc<Branch>]>,
    shares: Arc<[Share]>,
}

impl Branches {
    /// These; `None` where there are none.
    pub(super) fn new(branches: Vec<Arc<Branch>>) -> Option<Self> {
        let shares = branches.iter().zip(0..).filter_map(|(branch, index)| {
            // Not the name alone: an endpoint of that name would be found by the same keys.
            let identity = EndpointIdentity::of(&format!("split {}", branch.upstream.settings.name));
            Some(Share { identity, weight: NonZeroU32::new(branch.weight)?, index })
        });
        let shares = shares.collect();
        (!branches.is_empty()).then(|| Self { branches: branches.into(), shares })
    }

    /// All of them, the first that is written first: by its settings clients are known.
    pub fn iter(&self) -> slice::Iter<'_, Arc<Branch>> {
        self.branches.iter()
    }

    /// The only one, if there is only one.
    pub fn only(&self) -> Option<&Arc<Branch>> {
        if let [only] = &*self.branches { Some(only) } else { None }
    }

    /// The one for who is known by `key`, or any for who is not. A change of weights moves as few keys as it can.
    pub fn share_of(&self, key: Option<AffinityKey>) -> Option<&Arc<Branch>> {
        let key = key.unwrap_or_else(|| AffinityKey::of_value(&fastrand::u64(..).to_ne_bytes()));
        split(key, &self.shares).and_then(|index| self.branches.get(index))
    }
}
