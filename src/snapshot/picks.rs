//! Which endpoints of an upstream a request goes to, best first.

use std::sync::Arc;

use smallvec::SmallVec;

use super::eligibility::Eligibility;
use super::endpoint::Endpoint;
use super::upstream::Upstream;
use crate::balance::{Affinity, AffinityKey, PinToken};

/// The endpoints of an upstream for one request, best first; each is looked for when it is asked for.
#[derive(Debug)]
pub struct Picks<'a> {
    upstream: &'a Upstream,
    key: Option<AffinityKey>,
    eligibility: Eligibility,
    full: Full,
    /// What the key means, where that is tried before the pin.
    home: Option<usize>,
    pinned: Option<usize>,
    tried: SmallVec<[usize; 4]>,
}

/// What becomes of endpoints that have as many tunnels as `max_tunnels` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// They are passed over: the request would open another tunnel.
    PassedOver,
    /// They are as good as others: the request opens no tunnel, or waits for a place.
    Included,
}

impl Upstream {
    /// The endpoints for a request: first the one that its cookie pins it to, if that is still there, then as the policy
    /// orders them; where the pin is a refuge that it may leave, what its key means comes before it. Those that `eligibility`
    /// does not let it be placed on are left out, and `full` says whether those are that are full.
    pub fn picks(&self, affinity: &Affinity, eligibility: Eligibility, full: Full) -> Picks<'_> {
        let (key, tried) = (affinity.key, SmallVec::new());
        let mut picks = Picks { upstream: self, key, eligibility, full, home: None, pinned: None, tried };
        picks.pinned = affinity.pin.and_then(|pin| picks.named(pin.endpoint));
        if affinity.goes_home() {
            let home = self.home(affinity.key);
            // Not if that is away, or has more than its share.
            picks.home = home.filter(|_| picks.best_untried() == home);
        }
        picks
    }
}

impl<'a> Iterator for Picks<'a> {
    type Item = &'a Arc<Endpoint>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.home.take().or_else(|| self.pinned.take().filter(|pinned| !self.tried.contains(pinned)));
        let index = match first {
            Some(index) => index,
            None => self.best_untried()?,
        };
        self.tried.push(index);
        self.upstream.endpoints().get(index)
    }
}

impl Picks<'_> {
    fn best_untried(&self) -> Option<usize> {
        self.upstream.best(self.key, |index, endpoint| self.may_try(index, endpoint))
    }

    /// The endpoint that a pin names, if the request may go there.
    fn named(&self, pin: PinToken) -> Option<usize> {
        let index = self.upstream.endpoints().iter().position(|endpoint| endpoint.pin == pin)?;
        self.upstream.endpoints().get(index).filter(|endpoint| self.may_try(index, endpoint)).map(|_| index)
    }

    /// Whether the request may go to an endpoint: whatever speaks against that is looked at here, and nowhere else.
    fn may_try(&self, index: usize, endpoint: &Endpoint) -> bool {
        let has_place = self.full == Full::Included || endpoint.has_place(self.upstream.settings.max_tunnels);
        self.eligibility.takes(endpoint) && has_place && !self.tried.contains(&index)
    }
}

#[cfg(test)]
mod tests;
