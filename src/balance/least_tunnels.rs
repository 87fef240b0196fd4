//! `least_tunnels`: of two endpoints, the one with fewer tunnels for its weight.

use std::cmp::Ordering;

use super::candidate::{Candidate, Share};
use super::two_choices;

/// The best open one of `shares`; `lot` is 64 random bits.
pub fn least_tunnels(lot: u64, shares: &[Share], look: impl Fn(&Share) -> Candidate) -> Option<&Share> {
    two_choices::best(lot, shares, look, compare_tunnels)
}

/// Compares the tunnels that two would have for their weights, with the one that is to be placed.
pub(super) fn compare_tunnels(one: &Candidate, two: &Candidate) -> Ordering {
    let with_this = |candidate: &Candidate| (candidate.load as u64).saturating_add(1);
    two_choices::compare_by_weight((with_this(one), one), (with_this(two), two))
}
