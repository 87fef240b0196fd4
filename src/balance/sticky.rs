//! `sticky`: the endpoint that the affinity key means, by weighted rendezvous.
//!
//! The key of a client places all of its requests alike, its polls and its upgrades, so whatever is added here counts for both:
//! `shards` keeps a key to its few best endpoints, and `bounded_load` passes over who has more than its share of the tunnels.

use std::num::NonZeroUsize;

use super::bounded_load::Total;
use super::candidate::{Candidate, Share, Standing};
use super::hash::AffinityKey;
use super::load_factor::LoadFactor;
use super::rendezvous;
use super::tier::Tier;

/// How a key is placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sticky {
    /// How many times its share of the tunnels of all candidates an endpoint has at the most. Counted by each proxy for itself,
    /// and by requests that are placed at the same moment for each of them alone. With `shards` it is the share of the tunnels
    /// of the key's own shards, as far as they are open.
    pub bounded_load: Option<LoadFactor>,
    /// How many endpoints a key reaches: its best ones of all that no operator drains, whatever else speaks against them.
    pub shards: Option<NonZeroUsize>,
}

impl Sticky {
    /// The best open one of `tier` for `key`.
    pub fn best(self, key: AffinityKey, tier: &Tier, look: impl Fn(&Share) -> Candidate) -> Option<&Share> {
        match self.shards {
            None => self.best_of_all(key, tier, look),
            Some(shards) => self.best_of_few(key, shards, tier, look),
        }
    }

    fn best_of_all(self, key: AffinityKey, tier: &Tier, look: impl Fn(&Share) -> Candidate) -> Option<&Share> {
        let best = best_that(key, tier, &look, Candidate::is_open)?;
        let Some(factor) = self.bounded_load else { return Some(best) };
        let total: Total = tier.shares().iter().map(&look).filter(Candidate::is_open).collect();
        if total.has_room(factor, &look(best)) {
            return Some(best);
        }
        // Somebody has room, but for tunnels that have opened since they were counted.
        best_that(key, tier, &look, |candidate| candidate.is_open() && total.has_room(factor, candidate)).or(Some(best))
    }

    fn best_of_few(
        self,
        key: AffinityKey,
        shards: NonZeroUsize,
        tier: &Tier,
        look: impl Fn(&Share) -> Candidate,
    ) -> Option<&Share> {
        let belongs = |candidate: &Candidate| candidate.standing != Standing::Drained;
        let weigh = |share: &Share| Some(look(share)).filter(belongs).map(|candidate| candidate.weight);
        let few = rendezvous::best_first(key, shards.get(), tier.shares(), weigh);
        let mut candidates = few.iter().map(|&share| (share, look(share))).filter(|(_, it)| it.is_open());
        let Some(factor) = self.bounded_load else { return candidates.next().map(|(share, _)| share) };
        let total: Total = candidates.clone().map(|(_, candidate)| candidate).collect();
        let with_room = candidates.clone().find(|(_, candidate)| total.has_room(factor, candidate));
        with_room.or_else(|| candidates.next()).map(|(share, _)| share)
    }
}

/// What the key alone means of `tier`, whatever speaks against it now.
pub fn home(key: AffinityKey, tier: &Tier, look: impl Fn(&Share) -> Candidate) -> Option<&Share> {
    best_that(key, tier, look, |_| true)
}

/// The best for the key of those that are wanted.
fn best_that(
    key: AffinityKey,
    tier: &Tier,
    look: impl Fn(&Share) -> Candidate,
    is_wanted: impl Fn(&Candidate) -> bool,
) -> Option<&Share> {
    if let Some(share) = tier.kept_in_mind(key) {
        // The best of all is the best of any of them, whatever less than its own weight others have now.
        let candidate = look(share);
        if candidate.weight == share.weight && is_wanted(&candidate) {
            return Some(share);
        }
    }
    rendezvous::best(key, tier.shares(), |share| {
        let candidate = look(share);
        is_wanted(&candidate).then_some(candidate.weight)
    })
}
