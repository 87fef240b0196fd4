//! Weighted rendezvous hashing (Thaler & Ravishankar 1998; the weights after Schindelhauer & Schomaker 2005).
//!
//! Each endpoint scores `weight / -log2(u)` for a key, where `u` in (0, 1) is the hash of the key and the endpoint;
//! the highest score wins. An endpoint's score depends on nothing else, so one that leaves moves only its own keys, and
//! one that comes takes keys only for itself. All of it in integers: floats round as their machine pleases.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use smallvec::SmallVec;

use super::candidate::Share;
use super::hash::{AffinityKey, EndpointIdentity, Pairing};
use super::logarithm::{bounds_of_negative_log2, least_negative_log2, negative_log2};

/// The best for `key` of those that `weigh` gives a weight: that of their share, or less; `None` for who is no candidate. It is
/// asked only of whoever would be the best so far with all of its weight.
pub(super) fn best(key: AffinityKey, shares: &[Share], weigh: impl Fn(&Share) -> Option<NonZeroU32>) -> Option<&Share> {
    let pairing = Pairing::of(key);
    let mut best: Option<Leader<'_>> = None;
    for share in shares {
        let score = Score::new(pairing, share, share.weight);
        if !score.is_over(best.as_ref()) {
            continue;
        }
        let Some(weight) = weigh(share) else { continue };
        let score = Score { weight, ..score };
        if weight == share.weight || score.is_over(best.as_ref()) {
            best = Some(Leader::new(share, score));
        }
    }
    best.map(|leader| leader.share)
}

/// The index in `shares` of the best for `key` of all of them, each with all of its weight.
pub(super) fn best_index(key: AffinityKey, shares: &[Share]) -> Option<usize> {
    let pairing = Pairing::of(key);
    let mut best: Option<(usize, Leader<'_>)> = None;
    for (index, share) in shares.iter().enumerate() {
        let score = Score::new(pairing, share, share.weight);
        if score.is_over(best.as_ref().map(|(_, leader)| leader)) {
            best = Some((index, Leader::new(share, score)));
        }
    }
    best.map(|(index, _)| index)
}

/// The best `count` of them, best first; as [`best`] otherwise.
pub(super) fn best_first(
    key: AffinityKey,
    count: usize,
    shares: &[Share],
    weigh: impl Fn(&Share) -> Option<NonZeroU32>,
) -> SmallVec<[&Share; FEW]> {
    let pairing = Pairing::of(key);
    let mut leaders = SmallVec::<[Leader<'_>; FEW]>::new();
    for share in shares {
        let score = Score::new(pairing, share, share.weight);
        if leaders.len() >= count && !score.is_over(leaders.last()) {
            continue;
        }
        let Some(weight) = weigh(share) else { continue };
        let score = Score { weight, ..score };
        let behind = leaders.iter().position(|leader| score.is_over(Some(leader))).unwrap_or(leaders.len());
        leaders.insert(behind, Leader::new(share, score));
        leaders.truncate(count);
    }
    leaders.into_iter().map(|leader| leader.share).collect()
}

/// So many are kept without an allocation.
pub(super) const FEW: usize = 8;

/// `weight / -log2(hash / 2⁶⁴)`, not yet computed: mostly it need not be.
#[derive(Clone, Copy)]
struct Score {
    weight: NonZeroU32,
    hash: u64,
    identity: EndpointIdentity,
}

/// One of the best so far.
struct Leader<'s> {
    share: &'s Share,
    score: Score,
    /// Between which its logarithm is.
    bounds: RangeInclusive<u64>,
}

impl Score {
    #[inline]
    fn new(pairing: Pairing, share: &Share, weight: NonZeroU32) -> Self {
        Self { weight, hash: pairing.at(share.identity), identity: share.identity }
    }

    /// Whether it is before `leader`, if there is one: a total order over distinct identities, by score, a tie by hash, then by
    /// identity.
    #[inline]
    fn is_over(&self, leader: Option<&Leader<'_>>) -> bool {
        let Some(leader) = leader else { return true };
        if self.hash < leader.score.hash && self.weight <= leader.score.weight {
            // What most come to.
            return false;
        }
        self.has_precedence_over(leader)
    }

    fn has_precedence_over(&self, leader: &Leader<'_>) -> bool {
        let (by_weight, by_hash) = (self.weight.cmp(&leader.score.weight), self.hash.cmp(&leader.score.hash));
        if by_weight == by_hash.reverse() && by_hash.is_ne() {
            return self.has_greater_quotient(leader);
        }
        // Neither factor speaks against the other, so the logarithm, which never falls as the hash grows, is not needed.
        by_weight.then(by_hash).then_with(|| self.identity.cmp(&leader.score.identity)).is_gt()
    }

    /// `a.weight / a.log` against `b.weight / b.log`, multiplied crosswise: each product is below 2³² · 2⁵⁵ < 2¹²⁸. The
    /// logarithms themselves are only needed where two are very close.
    #[inline]
    fn has_greater_quotient(&self, leader: &Leader<'_>) -> bool {
        if self.times(*leader.bounds.end()) < leader.score.times(least_negative_log2(self.hash)) {
            return false;
        }
        let bounds = bounds_of_negative_log2(self.hash);
        if self.times(*leader.bounds.end()) < leader.score.times(*bounds.start()) {
            return false;
        }
        if self.times(*leader.bounds.start()) > leader.score.times(*bounds.end()) {
            return true;
        }
        let by_score = self.times(negative_log2(leader.score.hash)).cmp(&leader.score.times(negative_log2(self.hash)));
        by_score.then(self.hash.cmp(&leader.score.hash)).is_gt()
    }

    /// One side of a comparison.
    fn times(&self, log: u64) -> u128 {
        u128::from(self.weight.get()) * u128::from(log)
    }
}

impl<'s> Leader<'s> {
    fn new(share: &'s Share, score: Score) -> Self {
        Self { share, score, bounds: bounds_of_negative_log2(score.hash) }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn share(name: &str, weight: u32) -> Share {
        Share { identity: EndpointIdentity::of(name), weight: NonZeroU32::new(weight).unwrap(), index: 0 }
    }

    fn shares(weights: &[u32]) -> Vec<Share> {
        weights.iter().enumerate().map(|(index, &weight)| share(&format!("10.0.0.{index}:80"), weight)).collect()
    }

    fn key(number: u32) -> AffinityKey {
        AffinityKey::of_value(format!("user-{number}").as_bytes())
    }

    /// The best of those that are not to be skipped, by its index in the list.
    fn best(key: AffinityKey, shares: &[Share], skip: impl Fn(usize) -> bool) -> Option<usize> {
        let placed: Vec<_> = (0..).zip(shares).map(|(index, share)| Share { index, ..*share }).collect();
        super::best(key, &placed, |share| (!skip(share.index())).then_some(share.weight)).map(Share::index)
    }

    /// By the quotients alone, then by hash, then by identity.
    fn compare(one: &Score, other: &Score) -> Ordering {
        let left = u128::from(one.weight.get()) * u128::from(negative_log2(other.hash));
        let right = u128::from(other.weight.get()) * u128::from(negative_log2(one.hash));
        left.cmp(&right).then(one.hash.cmp(&other.hash)).then(one.identity.cmp(&other.identity))
    }

    fn first(key: AffinityKey, shares: &[Share]) -> Option<EndpointIdentity> {
        best(key, shares, |_| false).map(|index| shares[index].identity)
    }

    /// The indices of all candidates, each once more without those before it: the way of a request that finds nobody.
    fn best_first(key: AffinityKey, shares: &[Share]) -> impl Iterator<Item = usize> {
        let mut tried = Vec::new();
        std::iter::from_fn(move || {
            let next = best(key, shares, |index| tried.contains(&index))?;
            tried.push(next);
            Some(next)
        })
    }

    /// Where each of `keys` keys is placed.
    fn counts(shares: &[Share], keys: u32) -> Vec<u32> {
        let mut counts = vec![0; shares.len()];
        for number in 0..keys {
            counts[best(key(number), shares, |_| false).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn golden_vectors_of_the_placement() {
        let equal = shares(&[1, 1, 1, 1, 1]);
        let weighted = shares(&[1, 2, 3, 4, 10]);
        let placed = |shares: &[Share]| -> Vec<usize> {
            (0..24).map(|number| best(key(number), shares, |_| false).unwrap()).collect()
        };
        assert_eq!(placed(&equal), [3, 1, 2, 3, 0, 1, 3, 1, 0, 0, 0, 3, 3, 1, 0, 1, 0, 2, 2, 1, 0, 1, 2, 3]);
        assert_eq!(placed(&weighted), [3, 4, 2, 3, 0, 1, 4, 4, 0, 3, 4, 4, 3, 4, 2, 1, 0, 4, 4, 1, 0, 4, 4, 3]);
        assert_eq!(best_first(key(7), &equal).collect::<Vec<_>>(), [1, 0, 2, 3, 4]);
        assert_eq!(best_first(key(7), &weighted).collect::<Vec<_>>(), [4, 1, 2, 3, 0]);
    }

    #[test]
    fn keys_are_shared_out_by_weight() {
        const KEYS: u32 = 60_000;
        for weights in [&[1, 1][..], &[1; 12], &[1, 2, 3, 4], &[1, 100], &[7, 7, 7, 1]] {
            let total: u32 = weights.iter().sum();
            let chi_square: f64 = counts(&shares(weights), KEYS)
                .iter()
                .zip(weights)
                .map(|(&count, &weight)| {
                    let expected = f64::from(KEYS) * f64::from(weight) / f64::from(total);
                    (f64::from(count) - expected).powi(2) / expected
                })
                .sum();
            // One in a thousand random placements over 12 endpoints is worse than 31.3; the keys are fixed, so is the result.
            assert!(chi_square < 31.3, "{weights:?}: {chi_square}");
        }
    }

    #[test]
    fn nothing_to_choose_from_gives_nothing() {
        assert_eq!(best(key(1), &[], |_| false), None);
        assert_eq!(best(key(1), &shares(&[1, 2]), |_| true), None);
    }

    proptest! {
        #[test]
        fn the_order_of_the_list_never_matters(
            weights in prop::collection::vec(1_u32.., 1..12),
            number: u32,
            rotation in 0_usize..12,
        ) {
            let straight = shares(&weights);
            let mut turned: Vec<_> = straight.iter().rev().copied().collect();
            turned.rotate_left(rotation % weights.len());
            let names = |list: &[Share]| -> Vec<_> {
                best_first(key(number), list).map(|index| list[index].identity).collect()
            };
            prop_assert_eq!(names(&straight), names(&turned));
        }

        #[test]
        fn an_endpoint_that_leaves_moves_only_its_own_keys(
            weights in prop::collection::vec(1_u32..1000, 2..12),
            number: u32,
            leaving in 0_usize..12,
        ) {
            let before = shares(&weights);
            let mut after = before.clone();
            let gone = after.remove(leaving % weights.len());
            let placed = first(key(number), &before);
            if placed == Some(gone.identity) {
                let second = best_first(key(number), &before).nth(1).map(|index| before[index].identity);
                prop_assert_eq!(first(key(number), &after), second);
            } else {
                prop_assert_eq!(first(key(number), &after), placed);
            }
        }

        #[test]
        fn an_endpoint_that_comes_takes_keys_only_for_itself(
            weights in prop::collection::vec(1_u32..1000, 1..12),
            number: u32,
            weight in 1_u32..1000,
        ) {
            let before = shares(&weights);
            let mut after = before.clone();
            after.insert(0, share("new", weight));
            let placed = first(key(number), &after);
            prop_assert!(placed == first(key(number), &before) || placed == Some(EndpointIdentity::of("new")));
        }

        #[test]
        fn a_greater_weight_only_attracts(weights in prop::collection::vec(1_u32..1000, 2..12), number: u32, more: u32) {
            let before = shares(&weights);
            let placed = best(key(number), &before, |_| false).unwrap();
            let mut after = before.clone();
            after[placed].weight = after[placed].weight.saturating_add(more);
            prop_assert_eq!(best(key(number), &after, |_| false), Some(placed));
        }


        #[test]
        fn best_first_names_each_once(weights in prop::collection::vec(1_u32.., 0..12), number: u32) {
            let mut order: Vec<_> = best_first(key(number), &shares(&weights)).collect();
            order.sort_unstable();
            prop_assert_eq!(order, (0..weights.len()).collect::<Vec<_>>());
        }

        #[test]
        fn the_shortcuts_agree_with_the_quotients(one: (u64, u32), two: (u64, u32), are_alike in 0_u8..4) {
            let score = |(hash, weight): (u64, u32), name| Score {
                weight: NonZeroU32::new(weight.max(1)).unwrap(),
                hash,
                identity: EndpointIdentity::of(name),
            };
            // Random numbers are hardly ever close to one another, or to where the logarithm is small.
            let alike = |it: u64, other: u64| if are_alike % 2 == 1 { other.wrapping_add(it % 3) } else { it };
            let close = |it: u64| if are_alike >= 2 { !(it >> 40) } else { it };
            let two = (alike(close(two.0), close(one.0)), two.1);
            let (one, two) = (score((close(one.0), one.1), "one"), score(two, "two"));
            let exact = compare(&one, &two);
            let share = share("whoever", 1);
            prop_assert_eq!(one.is_over(Some(&Leader::new(&share, two))), exact.is_gt());
            prop_assert_eq!(two.is_over(Some(&Leader::new(&share, one))), exact.is_lt());
        }

        #[test]
        fn the_best_few_are_the_first_of_all(weights in prop::collection::vec(1_u32.., 0..12), number: u32, few in 1_usize..12) {
            let all: Vec<_> = (0..).zip(shares(&weights)).map(|(index, share)| Share { index, ..share }).collect();
            let found = super::best_first(key(number), few, &all, |share| Some(share.weight));
            let found: Vec<_> = found.into_iter().map(Share::index).collect();
            prop_assert_eq!(found, best_first(key(number), &all).take(few).collect::<Vec<_>>());
        }
    }
}
