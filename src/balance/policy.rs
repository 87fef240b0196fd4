//! The balancing policies: which of an upstream's endpoints a request is meant for. Each is a variant here and a file beside
//! this one.
//!
//! A policy names the best candidate. The next best is the best of the others, so an order is had one by one, as far as it is
//! needed, and by what the candidates are at that moment.

use super::candidate::Candidate;
use super::hash::AffinityKey;
use super::rendezvous;

/// How the endpoint of a request is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Weighted rendezvous hashing of the affinity key.
    Sticky,
    /// The one of two with fewer open tunnels.
    LeastTunnels,
    /// The one of two whose tunnels are less busy.
    LeastBusy,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
}

impl Policy {
    /// The index of the best of `candidates`, each of which comes with its own, for a request with this key, if it has
    /// one; `None` where there is no candidate. One pass, no allocation.
    pub fn best(self, key: Option<AffinityKey>, candidates: impl Iterator<Item = (usize, Candidate)>) -> Option<usize> {
        let _ = self;
        match key {
            Some(key) => rendezvous::best(key, candidates),
            None => least_loaded(candidates),
        }
    }

    /// The index of the one that the key alone means, whatever speaks against it now; `None` where there is no candidate.
    pub fn home(self, key: AffinityKey, all: impl Iterator<Item = (usize, Candidate)>) -> Option<usize> {
        let _ = self;
        rendezvous::best(key, all)
    }
}

/// The one with the fewest open tunnels for its weight.
fn least_loaded(candidates: impl Iterator<Item = (usize, Candidate)>) -> Option<usize> {
    let share = |one: &Candidate, other: &Candidate| one.load as u128 * u128::from(other.weight.get());
    let fewer = |best: (usize, Candidate), next: (usize, Candidate)| {
        if share(&next.1, &best.1) < share(&best.1, &next.1) { next } else { best }
    };
    candidates.reduce(fewer).map(|(index, _)| index)
}
