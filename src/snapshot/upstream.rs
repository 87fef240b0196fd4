//! One upstream as it runs: its endpoints, and which of them a request goes to.

use std::sync::Arc;

use super::endpoint::Endpoint;
use crate::balance::{AffinityKey, Candidate, PinToken, best};
use crate::config::UpstreamSettings;
use crate::drain::Life;

/// One upstream.
#[derive(Debug)]
pub struct Upstream {
    /// What is configured.
    pub settings: Arc<UpstreamSettings>,
    /// This life of its name.
    pub life: Life,
    endpoints: Vec<Arc<Endpoint>>,
    candidates: Vec<Candidate>,
}

/// The endpoints of an upstream for one request, best first.
#[derive(Debug)]
pub struct Picks<'a> {
    upstream: &'a Upstream,
    key: AffinityKey,
    pinned: Option<usize>,
    tried: Vec<usize>,
}

impl Upstream {
    /// `endpoints` are those of `settings`, in their order.
    pub(super) fn new(settings: Arc<UpstreamSettings>, life: Life, endpoints: Vec<Arc<Endpoint>>) -> Self {
        let weights = settings.endpoints.iter().map(|endpoint| endpoint.weight);
        let candidates = endpoints
            .iter()
            .zip(weights)
            .map(|(endpoint, weight)| Candidate { identity: endpoint.identity, weight })
            .collect();
        Self { settings, life, endpoints, candidates }
    }

    /// Its endpoints, in the order of the file.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoints for a request: first the one that its cookie pins it to, if that is still there, then as the hash
    /// places its key.
    pub fn picks(&self, key: AffinityKey, pin: Option<PinToken>) -> Picks<'_> {
        let pinned = pin.and_then(|pin| self.endpoints.iter().position(|endpoint| endpoint.pin == pin));
        Picks { upstream: self, key, pinned, tried: Vec::new() }
    }
}

impl<'a> Iterator for Picks<'a> {
    type Item = &'a Arc<Endpoint>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = match self.pinned.take() {
            Some(pinned) => pinned,
            None => best(self.key, &self.upstream.candidates, |index| self.tried.contains(&index))?,
        };
        self.tried.push(index);
        self.upstream.endpoints.get(index)
    }
}
