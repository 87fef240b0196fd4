//! Where a route's requests go: an upstream, or one of several that share them.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::upstream::Upstream;
use crate::balance::{AffinityKey, EndpointIdentity, Share, split};
use crate::config::UpstreamName;
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

/// The upstreams of a route: at least one.
#[derive(Clone, Debug)]
pub struct Branches {
    first: Arc<Branch>,
    others: Box<[Arc<Branch>]>,
    shares: Box<[Share]>,
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
        let mut branches = branches.into_iter();
        Some(Self { first: branches.next()?, others: branches.collect(), shares })
    }

    /// The first that is written, by which clients are known where there are several.
    pub fn first(&self) -> &Arc<Branch> {
        &self.first
    }

    /// Whether there are several.
    pub fn are_split(&self) -> bool {
        !self.others.is_empty()
    }

    /// The one that leads to this upstream.
    pub fn to(&self, upstream: &UpstreamName) -> Option<&Arc<Branch>> {
        self.iter().find(|branch| branch.upstream.settings.name == *upstream)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Branch>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The one for who is known by `key`, or for anybody. A change of weights moves as few keys as it can.
    pub fn share_of(&self, key: Option<AffinityKey>) -> &Arc<Branch> {
        if !self.are_split() {
            return &self.first;
        }
        let key = key.unwrap_or_else(|| AffinityKey::of_value(&fastrand::u64(..).to_ne_bytes()));
        split(key, &self.shares).and_then(|index| self.iter().nth(index)).unwrap_or(&self.first)
    }
}
