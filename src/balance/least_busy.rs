//! `least_busy`: of two endpoints, the one whose tunnels have had less to do lately for its weight.
//!
//! Of two that have had the same, such as nothing at all, the one with fewer tunnels.

use super::candidate::{Candidate, Share};
use super::least_tunnels::compare_tunnels;
use super::two_choices;

/// The best open one of `shares`; `lot` is 64 random bits.
pub fn least_busy(lot: u64, shares: &[Share], look: impl Fn(&Share) -> Candidate) -> Option<&Share> {
    two_choices::best(lot, shares, look, |one, two| {
        two_choices::compare_by_weight((one.busy, one), (two.busy, two)).then_with(|| compare_tunnels(one, two))
    })
}
