//! One upstream as it runs: its endpoints, as they are chosen from.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::endpoint_state::EndpointEvent;
use super::pin_tokens::PinTokens;
use super::retries::Retries;
use crate::balance::{self, AffinityKey, Candidate, Policy, Share, Standing, Sticky, Tier};
use crate::config::{EndpointRole, EndpointSettings, UpstreamSettings};
use crate::drain::LifeToken;
use crate::queue::Places;
use crate::tls::{EndpointCredentials, EndpointTls};

/// One upstream.
#[derive(Debug)]
pub struct Upstream {
    /// What is configured.
    pub settings: Arc<UpstreamSettings>,
    /// This life of its name.
    pub life: LifeToken,
    /// Held while one of its endpoints may be ejected; the same in every version of its settings.
    pub(super) ejections: Arc<Mutex<()>>,
    /// Who waits for a place of a tunnel with any of its endpoints; as long as its life, as they are.
    pub places: Arc<Places>,
    endpoints: Vec<Arc<Endpoint>>,
    /// Those of `endpoints` that serve.
    ordinary: Tier,
    /// Those that serve only while none of the others can.
    backups: Tier,
    /// The virtual time of `round_robin`, shared by all that the upstream was, and is, in one life.
    clock: Arc<AtomicU64>,
    /// What pin cookies name `endpoints` by, in their order.
    pub(super) tokens: PinTokens,
    /// How many requests came, and are asked again elsewhere; as long as its life.
    pub retries: Arc<Retries>,
    /// How TLS is spoken with its endpoints; the same in every version that was given the same credentials.
    tls: Option<Arc<EndpointTls>>,
}

impl Upstream {
    /// `endpoints` are those of `settings`, in their order; `previous` is what it was before, in the same life.
    pub(super) fn new(
        settings: Arc<UpstreamSettings>,
        life: LifeToken,
        places: Arc<Places>,
        endpoints: Vec<Arc<Endpoint>>,
        (tokens, tls): (PinTokens, Option<Arc<EndpointTls>>),
        previous: Option<&Self>,
    ) -> Self {
        let ejections = previous.map(|previous| Arc::clone(&previous.ejections)).unwrap_or_default();
        debug_assert!(endpoints.is_sorted_by(|one, next| one.name < next.name), "endpoints are found by their names");
        // Who leaves is in neither: nobody is placed there, nor has a share of those that are.
        let tier = |role| {
            let all = (0..).zip(endpoints.iter().zip(&settings.endpoints));
            let those = all.filter(move |(_, (_, settings))| settings.role == role);
            Tier::new(those.map(|(index, (endpoint, settings))| share(index, endpoint, settings)))
        };
        let (ordinary, backups) = (tier(EndpointRole::Ready), tier(EndpointRole::Backup));
        let clock = previous.map(|it| Arc::clone(&it.clock)).unwrap_or_default();
        let retries = previous.map_or_else(|| Retries::new(Instant::now()).into(), |it| Arc::clone(&it.retries));
        Self { settings, life, ejections, places, endpoints, ordinary, backups, clock, tokens, retries, tls }
    }

    /// It is served from now on: its limits hold for its endpoints, also where they were carried over, and who leaves takes nobody.
    pub fn take_effect(&self) {
        for (endpoint, settings) in self.endpoints.iter().zip(&self.settings.endpoints) {
            match (settings.role, endpoint.state().is_leaving()) {
                (EndpointRole::Leaving, false) => drop(endpoint.transition(EndpointEvent::Left(&self.why_gone()))),
                (EndpointRole::Ready | EndpointRole::Backup, true) => {
                    drop(endpoint.transition(EndpointEvent::Returned))
                }
                _ => {}
            }
        }
        match self.settings.handshakes_at_once {
            Some(limits) => self.endpoints.iter().for_each(|endpoint| endpoint.limit_handshakes(limits)),
            // Whoever waits for a turn came when there was a limit.
            None => self.endpoints.iter().filter_map(|endpoint| endpoint.gate()).for_each(|gate| gate.open()),
        }
    }

    /// How TLS is spoken with these credentials: as in the version before, where it has the same.
    pub(super) fn tls_with(credentials: EndpointCredentials, previous: Option<&Self>) -> Arc<EndpointTls> {
        let old = previous.and_then(|previous| previous.tls.as_ref());
        let same = old.filter(|old| *old.credentials() == credentials).map(Arc::clone);
        same.unwrap_or_else(|| Arc::new(EndpointTls::new(credentials)))
    }

    /// How TLS is spoken with its endpoints; `None` where it is not.
    pub fn tls(&self) -> Option<&Arc<EndpointTls>> {
        self.tls.as_ref()
    }

    /// Whether the other believes the same endpoints, and shows them the same.
    pub(super) fn has_same_tls(&self, other: &Self) -> bool {
        self.tls.as_ref().map(|tls| tls.credentials()) == other.tls.as_ref().map(|tls| tls.credentials())
    }

    /// Its endpoints, in the order of their names.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(self.index_of(name)?)
    }

    /// The index among its endpoints of the one of this name.
    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.endpoints.binary_search_by(|endpoint| endpoint.name.as_str().cmp(name)).ok()
    }

    /// How its endpoints are reached and chosen, and all else, is that of the other: their settings may differ by the endpoints alone.
    pub(super) fn with_endpoints(&self, settings: Arc<UpstreamSettings>, endpoints: Vec<Arc<Endpoint>>) -> Self {
        let tokens = self.tokens.of_endpoints(&settings, &self.settings.endpoints);
        let read = (tokens, self.tls.clone());
        Self::new(settings, self.life.clone(), Arc::clone(&self.places), endpoints, read, Some(self))
    }

    fn why_gone(&self) -> String {
        let source = self.settings.source.as_ref().map(|source| source.from.to_string());
        format!("{} names it no more, or as leaving", source.unwrap_or_default())
    }

    /// What the key means, if the policy goes by it.
    pub(super) fn home(&self, key: Option<AffinityKey>) -> Option<usize> {
        let key = key.filter(|_| self.settings.policy == Policy::Sticky)?;
        balance::home(key, &self.ordinary, |share| self.look(share, |_, _| true)).map(Share::index)
    }

    /// The best endpoint, by its index among them, of those that are `open`; a backup only if no other one is.
    pub(super) fn best(&self, key: Option<AffinityKey>, is_open: impl Fn(usize, &Endpoint) -> bool) -> Option<usize> {
        let look = |share: &Share| self.look(share, &is_open);
        let best = self.best_of(&self.ordinary, key, look).or_else(|| {
            let serves =
                !self.backups.shares().is_empty() && !self.ordinary.shares().iter().any(|it| look(it).is_open());
            serves.then(|| self.best_of(&self.backups, key, look)).flatten()
        });
        best.map(Share::index)
    }

    fn best_of<'t>(
        &self,
        tier: &'t Tier,
        key: Option<AffinityKey>,
        look: impl Fn(&Share) -> Candidate,
    ) -> Option<&'t Share> {
        let lot = || fastrand::u64(..);
        match (self.settings.policy, key) {
            (Policy::Sticky, Some(key)) => self.sticky().best(key, tier, look),
            (Policy::Sticky, None) | (Policy::LeastTunnels, _) => balance::least_tunnels(lot(), tier.shares(), look),
            (Policy::LeastBusy, _) => balance::least_busy(lot(), tier.shares(), look),
            (Policy::RoundRobin, _) => self.take_next(tier, look),
            (Policy::Random, _) => balance::random(lot(), tier.shares(), look),
        }
    }

    fn sticky(&self) -> Sticky {
        Sticky { bounded_load: self.settings.bounded_load, shards: self.settings.shards }
    }

    /// Takes who is due next, unless another worker is quicker: then who is due after it.
    fn take_next<'t>(&self, tier: &'t Tier, look: impl Fn(&Share) -> Candidate) -> Option<&'t Share> {
        loop {
            let next = balance::round_robin(self.clock.load(Ordering::Relaxed), tier.shares(), &look)?;
            if self.endpoints.get(next.share.index())?.postpone(next.found, next.again) {
                let later = |clock| Some(balance::later(clock, next.now));
                // It never fails: there is always a later one.
                let _ = self.clock.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
                return Some(next.share);
            }
        }
    }

    /// How an endpoint is now.
    fn look(&self, share: &Share, is_open: impl Fn(usize, &Endpoint) -> bool) -> Candidate {
        let endpoint = self.endpoints.get(share.index()).expect("a share is of one of the endpoints");
        let standing = if is_open(share.index(), endpoint) {
            Standing::Open
        } else if endpoint.state().is_drained() {
            Standing::Drained
        } else {
            Standing::Closed
        };
        Candidate {
            standing,
            weight: endpoint.weight_now(share.weight, self.settings.slow_start),
            load: endpoint.tunnels(),
            busy: if self.settings.policy == Policy::LeastBusy { endpoint.busy() } else { 0 },
            due: endpoint.due(),
        }
    }
}

/// What an endpoint is in its upstream.
fn share(index: u32, endpoint: &Endpoint, settings: &EndpointSettings) -> Share {
    Share { identity: endpoint.identity, weight: balance::fine_weight(settings.weight), index }
}
