//! Weighted rendezvous hashing (Thaler & Ravishankar 1998; the weights after Schindelhauer & Schomaker 2005).
//!
//! Each endpoint scores `weight / -log2(u)` for a key, where `u` in (0, 1) is the hash of the key and the endpoint;
//! the highest score wins. An endpoint's score depends on nothing else, so one that leaves moves only its own keys, and
//! one that comes takes keys only for itself. All of it in integers: floats round as their machine pleases.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use super::candidate::Candidate;
use super::hash::{self, AffinityKey, EndpointIdentity};

/// The index of the best of `candidates`, each of which comes with its own, for `key`.
pub(super) fn best(key: AffinityKey, candidates: impl Iterator<Item = (usize, Candidate)>) -> Option<usize> {
    candidates
        .map(|(index, candidate)| (index, Score::new(key, &candidate)))
        .reduce(|best, next| if next.1.compare(&best.1).is_gt() { next } else { best })
        .map(|(index, _)| index)
}

/// `weight / -log2(hash / 2⁶⁴)`, not yet computed: mostly it need not be.
struct Score {
    weight: NonZeroU32,
    hash: u64,
    identity: EndpointIdentity,
}

impl Score {
    fn new(key: AffinityKey, candidate: &Candidate) -> Self {
        Self { weight: candidate.weight, hash: hash::pair(key, candidate.identity), identity: candidate.identity }
    }

    /// A total order over distinct identities: by score, a tie by hash, then by identity.
    fn compare(&self, other: &Self) -> Ordering {
        let (by_weight, by_hash) = (self.weight.cmp(&other.weight), self.hash.cmp(&other.hash));
        let by_score = if by_weight == by_hash.reverse() {
            self.compare_quotients(other)
        } else {
            // Neither factor speaks against the other, so the logarithm, which never falls as the hash grows, is not needed.
            by_weight.then(by_hash)
        };
        by_score.then(by_hash).then(self.identity.cmp(&other.identity))
    }

    /// `a.weight / a.log` against `b.weight / b.log`, multiplied crosswise: each product is below 2³² · 2⁵⁵ < 2¹²⁸.
    fn compare_quotients(&self, other: &Self) -> Ordering {
        let left = u128::from(self.weight.get()) * u128::from(negative_log2(other.hash));
        let right = u128::from(other.weight.get()) * u128::from(negative_log2(self.hash));
        left.cmp(&right)
    }
}

/// `-log2(hash / 2⁶⁴)` in units of 2⁻⁴⁸, rounded up; 1 ≤ result ≤ 64 · 2⁴⁸. It never grows as `hash` grows.
///
/// The binary digits of a logarithm by repeated squaring: the square of a mantissa in [1, 2) is in [1, 4), and whether it
/// reaches 2 is the next digit. Squares are cut off, which keeps the order of any two of them.
fn negative_log2(hash: u64) -> u64 {
    let hash = hash.max(1);
    // 2⁶³ ≤ mantissa < 2⁶⁴ stands for [1, 2).
    let mut mantissa = hash << hash.leading_zeros();
    let mut log = u64::from(63 - hash.leading_zeros());
    for _ in 0..FRACTION_BITS {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let reaches_two = square >> 127;
        mantissa = (square >> (63 + reaches_two)) as u64;
        log = (log << 1) | reaches_two as u64;
    }
    (64 << FRACTION_BITS) - log
}

/// How fine logarithms are: among 2²⁴ endpoints a weight still counts to one part in ten million.
const FRACTION_BITS: u32 = 48;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(name: &str, weight: u32) -> Candidate {
        Candidate { identity: EndpointIdentity::of(name), weight: NonZeroU32::new(weight).unwrap(), load: 0 }
    }

    fn candidates(weights: &[u32]) -> Vec<Candidate> {
        weights.iter().enumerate().map(|(index, &weight)| candidate(&format!("10.0.0.{index}:80"), weight)).collect()
    }

    fn key(number: u32) -> AffinityKey {
        AffinityKey::of_value(format!("user-{number}").as_bytes())
    }

    /// The best of those that are not to be skipped.
    fn best(key: AffinityKey, candidates: &[Candidate], skip: impl Fn(usize) -> bool) -> Option<usize> {
        super::best(key, candidates.iter().copied().enumerate().filter(|(index, _)| !skip(*index)))
    }

    fn first(key: AffinityKey, candidates: &[Candidate]) -> Option<EndpointIdentity> {
        best(key, candidates, |_| false).map(|index| candidates[index].identity)
    }

    /// The indices of all candidates, each once more without those before it: the way of a request that finds nobody.
    fn best_first(key: AffinityKey, candidates: &[Candidate]) -> impl Iterator<Item = usize> {
        let mut tried = Vec::new();
        std::iter::from_fn(move || {
            let next = best(key, candidates, |index| tried.contains(&index))?;
            tried.push(next);
            Some(next)
        })
    }

    /// Where each of `keys` keys is placed.
    fn counts(candidates: &[Candidate], keys: u32) -> Vec<u32> {
        let mut counts = vec![0; candidates.len()];
        for number in 0..keys {
            counts[best(key(number), candidates, |_| false).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn golden_vectors_of_the_placement() {
        let equal = candidates(&[1, 1, 1, 1, 1]);
        let weighted = candidates(&[1, 2, 3, 4, 10]);
        let placed = |candidates: &[Candidate]| -> Vec<usize> {
            (0..24).map(|number| best(key(number), candidates, |_| false).unwrap()).collect()
        };
        assert_eq!(placed(&equal), [3, 1, 2, 3, 0, 1, 3, 1, 0, 0, 0, 3, 3, 1, 0, 1, 0, 2, 2, 1, 0, 1, 2, 3]);
        assert_eq!(placed(&weighted), [3, 4, 2, 3, 0, 1, 4, 4, 0, 3, 4, 4, 3, 4, 2, 1, 0, 4, 4, 1, 0, 4, 4, 3]);
        assert_eq!(best_first(key(7), &equal).collect::<Vec<_>>(), [1, 0, 2, 3, 4]);
        assert_eq!(best_first(key(7), &weighted).collect::<Vec<_>>(), [4, 1, 2, 3, 0]);
    }

    #[test]
    fn golden_vectors_of_the_logarithm() {
        let one = 1 << FRACTION_BITS;
        assert_eq!(negative_log2(0), 64 * one);
        assert_eq!(negative_log2(1), 64 * one);
        assert_eq!(negative_log2(1 << 63), one);
        assert_eq!(negative_log2(1 << 40), 24 * one);
        assert_eq!(negative_log2(u64::MAX), 1);
        assert_eq!(negative_log2(3 << 62), 116_822_670_443_562);
        assert_eq!(negative_log2(0x0123_4567_89ab_cdef), 2_199_383_878_819_978);
    }

    #[test]
    fn keys_are_shared_out_by_weight() {
        const KEYS: u32 = 60_000;
        for weights in [&[1, 1][..], &[1; 12], &[1, 2, 3, 4], &[1, 100], &[7, 7, 7, 1]] {
            let total: u32 = weights.iter().sum();
            let chi_square: f64 = counts(&candidates(weights), KEYS)
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
        assert_eq!(best(key(1), &candidates(&[1, 2]), |_| true), None);
    }

    proptest! {
        #[test]
        fn the_order_of_the_list_never_matters(
            weights in prop::collection::vec(1_u32.., 1..12),
            number: u32,
            rotation in 0_usize..12,
        ) {
            let straight = candidates(&weights);
            let mut turned: Vec<_> = straight.iter().rev().copied().collect();
            turned.rotate_left(rotation % weights.len());
            let names = |list: &[Candidate]| -> Vec<_> {
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
            let before = candidates(&weights);
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
            let before = candidates(&weights);
            let mut after = before.clone();
            after.insert(0, candidate("new", weight));
            let placed = first(key(number), &after);
            prop_assert!(placed == first(key(number), &before) || placed == Some(EndpointIdentity::of("new")));
        }

        #[test]
        fn a_greater_weight_only_attracts(weights in prop::collection::vec(1_u32..1000, 2..12), number: u32, more: u32) {
            let before = candidates(&weights);
            let placed = best(key(number), &before, |_| false).unwrap();
            let mut after = before.clone();
            after[placed].weight = after[placed].weight.saturating_add(more);
            prop_assert_eq!(best(key(number), &after, |_| false), Some(placed));
        }

        #[test]
        fn the_load_never_matters(weights in prop::collection::vec(1_u32..1000, 1..12), loads: [usize; 12], number: u32) {
            let idle = candidates(&weights);
            let busy: Vec<_> = idle.iter().zip(loads).map(|(&idle, load)| Candidate { load, ..idle }).collect();
            prop_assert_eq!(first(key(number), &busy), first(key(number), &idle));
        }

        #[test]
        fn best_first_names_each_once(weights in prop::collection::vec(1_u32.., 0..12), number: u32) {
            let mut order: Vec<_> = best_first(key(number), &candidates(&weights)).collect();
            order.sort_unstable();
            prop_assert_eq!(order, (0..weights.len()).collect::<Vec<_>>());
        }

        #[test]
        fn the_shortcut_agrees_with_the_quotients(one: (u64, u32), two: (u64, u32)) {
            let score = |(hash, weight): (u64, u32), name| Score {
                weight: NonZeroU32::new(weight.max(1)).unwrap(),
                hash,
                identity: EndpointIdentity::of(name),
            };
            let (one, two) = (score(one, "one"), score(two, "two"));
            let exact = one.compare_quotients(&two).then(one.hash.cmp(&two.hash)).then(one.identity.cmp(&two.identity));
            prop_assert_eq!(one.compare(&two), exact);
            prop_assert_eq!(two.compare(&one), exact.reverse());
        }

        #[test]
        fn the_logarithm_is_right_and_never_grows(hash: u64, other: u64) {
            let exact = 64.0 - (hash.max(1) as f64).log2();
            let found = negative_log2(hash) as f64 / 2_f64.powi(FRACTION_BITS as i32);
            prop_assert!((found - exact).abs() < 1e-12, "{found} is not {exact}");
            let (low, high) = (hash.min(other), hash.max(other));
            prop_assert!(negative_log2(low) >= negative_log2(high));
        }
    }
}
