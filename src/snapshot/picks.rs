//! Which endpoints of an upstream a request goes to, best first.

use std::num::NonZeroUsize;
use std::sync::Arc;

use smallvec::SmallVec;

use super::eligibility::Eligibility;
use super::endpoint::Endpoint;
use super::health_changes::Trial;
use super::upstream::Upstream;
use crate::balance::{Affinity, AffinityKey, PinToken};
use crate::health::Asked;

/// The endpoints of an upstream for one request, best first; each is looked for when it is asked for.
#[derive(Debug)]
pub struct Picks<'a> {
    upstream: &'a Upstream,
    key: Option<AffinityKey>,
    eligibility: Eligibility,
    /// Endpoints with so many tunnels are passed over.
    max_tunnels: Option<NonZeroUsize>,
    /// What the key means, where that is tried before the pin.
    home: Option<usize>,
    pinned: Option<usize>,
    tried: SmallVec<[usize; 4]>,
}

/// An endpoint that a request goes to.
#[derive(Debug)]
pub struct Pick<'a> {
    /// Which one.
    pub endpoint: &'a Arc<Endpoint>,
    /// The trial that the request is, if it is one.
    pub trial: Option<Trial>,
}

impl Upstream {
    /// The endpoints for a request: first the one that its cookie pins it to, if that is still there, then as the policy
    /// orders them; where the pin is a refuge that it may leave, what its key means comes before it. Those that are not
    /// eligible are left out, and for an upgrade those that are full.
    pub fn picks(&self, affinity: &Affinity, asked: Asked) -> Picks<'_> {
        let max_tunnels = self.settings.max_tunnels.filter(|_| asked == Asked::Upgrade);
        let mut picks = Picks::new(self, affinity.key, self.eligibility(asked), max_tunnels);
        picks.pinned = affinity.pin.and_then(|pin| picks.named(pin.endpoint));
        if affinity.goes_home() {
            let home = self.home(affinity.key);
            // Not if that is away, or has more than its share.
            picks.home = home.filter(|_| picks.best_untried() == home);
            // Whom no key places is at home wherever the policy says.
            picks.pinned = picks.pinned.filter(|_| home.is_some());
        }
        picks
    }

    /// Where an upgrade with this key would go now, best first, so many at the most; `None` where the policy goes by no key. Nobody takes
    /// a place, a turn or a trial by asking.
    pub fn order_for(&self, key: AffinityKey, most: usize) -> Option<Vec<Arc<Endpoint>>> {
        self.home(Some(key))?;
        let eligibility = self.eligibility(Asked::Upgrade).without_trials();
        let mut picks = Picks::new(self, Some(key), eligibility, self.settings.max_tunnels);
        let mut order = Vec::new();
        while order.len() < most
            && let Some(index) = picks.best_untried()
        {
            picks.tried.push(index);
            order.extend(self.endpoints().get(index).cloned());
        }
        Some(order)
    }

    /// Whether there is an endpoint that an upgrade would go to, if only it had a place.
    pub fn is_full_for(&self, affinity: &Affinity) -> bool {
        let eligibility = self.eligibility(Asked::Upgrade);
        match (self.settings.max_tunnels, self.settings.shards) {
            (None, _) => false,
            // Not by asking for the best, which would be a turn under `round_robin`.
            (Some(_), None) => self.endpoints().iter().any(|endpoint| eligibility.takes(endpoint)),
            (Some(_), Some(_)) => Picks::new(self, affinity.key, eligibility, None).best_untried().is_some(),
        }
    }
}

impl<'a> Iterator for Picks<'a> {
    type Item = Pick<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = self.home.take().or_else(|| self.pinned.take().filter(|pinned| !self.tried.contains(pinned)));
            let Some(index) = first.or_else(|| self.best_untried()) else {
                // Who waits for a place is not sent to where nobody should be.
                if self.is_held_up() || !self.eligibility.resort(&self.upstream.settings) {
                    return None;
                }
                continue;
            };
            self.tried.push(index);
            let endpoint = self.upstream.endpoints().get(index)?;
            // Another request may have become its trial since it was looked at.
            if let Some(placed_as) = self.eligibility.place(endpoint) {
                return Some(Pick { endpoint, trial: placed_as.into_trial() });
            }
        }
    }
}

impl<'a> Picks<'a> {
    /// Without regard to pins.
    fn new(
        upstream: &'a Upstream,
        key: Option<AffinityKey>,
        eligibility: Eligibility,
        max_tunnels: Option<NonZeroUsize>,
    ) -> Self {
        Self { upstream, key, eligibility, max_tunnels, home: None, pinned: None, tried: SmallVec::new() }
    }

    /// The same for a request that is no trial while others serve.
    pub fn without_trials(self) -> Self {
        Self { eligibility: self.eligibility.without_trials(), ..self }
    }

    /// Whether there is an endpoint that only lacks a place.
    fn is_held_up(&self) -> bool {
        let lacks_place = |endpoint: &Endpoint| !endpoint.has_place(self.max_tunnels);
        self.upstream.endpoints().iter().any(|endpoint| lacks_place(endpoint) && self.eligibility.takes(endpoint))
    }

    fn best_untried(&self) -> Option<usize> {
        self.upstream.best(self.key, |index, endpoint| self.may_try(index, endpoint))
    }

    /// The endpoint that a pin names, if the request may go there.
    fn named(&self, pin: PinToken) -> Option<usize> {
        let index = self.upstream.tokens.index_of(pin)?;
        self.upstream.endpoints().get(index).filter(|endpoint| self.may_try(index, endpoint)).map(|_| index)
    }

    /// Whether the request may go to an endpoint: whatever speaks against that is looked at here, and nowhere else.
    fn may_try(&self, index: usize, endpoint: &Endpoint) -> bool {
        self.eligibility.takes(endpoint) && endpoint.has_place(self.max_tunnels) && !self.tried.contains(&index)
    }
}

#[cfg(test)]
mod tests;
