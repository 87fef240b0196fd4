//! The power of two choices (Mitzenmacher 2001): of two that are drawn by lot, the one with less to do.
//!
//! Both are drawn in proportion to their weights: the two that a random key means. Whoever draws with old figures, as all workers
//! and all proxies of a fleet do, sends nobody more than twice its share.

use std::cmp::Ordering;

use super::candidate::{Candidate, Share};
use super::hash::AffinityKey;
use super::rendezvous;

/// Of two open ones, drawn by `lot`, which is 64 random bits: the second only if it is `better`.
pub(super) fn best(
    lot: u64,
    shares: &[Share],
    look: impl Fn(&Share) -> Candidate,
    compare: impl Fn(&Candidate, &Candidate) -> Ordering,
) -> Option<&Share> {
    let drawn = rendezvous::best_first(AffinityKey::of_lot(lot), 2, shares, |share| look(share).weight_if_open());
    drawn.into_iter().reduce(|one, two| if compare(&look(one), &look(two)).is_gt() { two } else { one })
}

/// Compares what two have to do, each for its weight.
pub(super) fn compare_by_weight(one: (u64, &Candidate), two: (u64, &Candidate)) -> Ordering {
    let crosswise = |work: u64, other: &Candidate| u128::from(work) * u128::from(other.weight.get());
    crosswise(one.0, two.1).cmp(&crosswise(two.0, one.1))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::{EndpointIdentity, Standing, least_busy, least_tunnels};
    use super::*;

    fn shares(weights: &[u32]) -> Vec<Share> {
        let share = |(index, &weight): (u32, &u32)| Share {
            identity: EndpointIdentity::of(&index.to_string()),
            weight: NonZeroU32::new(weight).unwrap(),
            index,
        };
        (0..).zip(weights).map(share).collect()
    }

    fn candidate(share: &Share, load: usize, busy: u64) -> Candidate {
        Candidate { standing: Standing::Open, weight: share.weight, load, busy, due: 0 }
    }

    /// The loads after so many tunnels, none of which ends.
    fn loads(weights: &[u32], tunnels: usize) -> Vec<usize> {
        let shares = shares(weights);
        let mut loads = vec![0; weights.len()];
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..tunnels {
            let best =
                least_tunnels(random.u64(..), &shares, |it| candidate(it, loads[it.index()], 0)).unwrap().index();
            loads[best] += 1;
        }
        loads
    }

    #[test]
    fn tunnels_are_spread_by_weight_and_nobody_is_far_above() {
        // One choice alone leaves the fullest of 20 some 70 above 1,000; two leave it a few, however many there are.
        let equal = loads(&[1; 20], 20_000);
        assert!(equal.iter().all(|load| load.abs_diff(1_000) <= 8), "{equal:?}");
        let weighted = loads(&[1, 2, 3, 4, 10], 20_000);
        for (load, weight) in weighted.iter().zip([1, 2, 3, 4, 10]) {
            assert!(load.abs_diff(1_000 * weight) <= 10 * weight, "{weighted:?}");
        }
    }

    #[test]
    fn a_busy_endpoint_is_never_the_better_of_two() {
        let shares = shares(&[1; 10]);
        let busy = |share: &Share| candidate(share, 10 - share.index(), share.index() as u64);
        let mut counts = [0; 10];
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..9_000 {
            counts[least_busy(random.u64(..), &shares, busy).unwrap().index()] += 1;
        }
        // Of the 45 pairs the i-th best is the better one of 9 - i.
        for (place, &count) in counts.iter().enumerate() {
            assert!(u64::abs_diff(count, 200 * (9 - place as u64)) <= 120, "{counts:?}");
        }
        assert_eq!(counts[9], 0);
    }

    #[test]
    fn of_two_that_are_as_busy_for_their_weight_the_one_with_fewer_tunnels_is_better() {
        let shares = shares(&[1, 2]);
        let best = |looks: [(usize, u64); 2]| {
            let found = (0..8).map(|lot| {
                let look = |share: &Share| candidate(share, looks[share.index()].0, looks[share.index()].1);
                least_busy(lot, &shares, look).unwrap().index()
            });
            let found: Vec<_> = found.collect();
            assert!(found.iter().all(|it| *it == found[0]), "with two, both are always drawn: {found:?}");
            found[0]
        };
        assert_eq!(best([(0, 51), (1_000, 100)]), 1);
        assert_eq!(best([(0, 50), (1_000, 100)]), 0);
        assert_eq!(best([(0, 0), (2, 0)]), 0);
        assert_eq!(best([(1, 0), (2, 0)]), 1);
    }

    #[test]
    fn who_is_not_open_is_not_drawn() {
        let shares = shares(&[1; 5]);
        let only = |open: usize| {
            move |share: &Share| Candidate {
                standing: if share.index() == open { Standing::Open } else { Standing::Closed },
                ..candidate(share, 7, 0)
            }
        };
        for lot in 0..100 {
            assert_eq!(least_tunnels(lot, &shares, only(3)).map(Share::index), Some(3));
            assert_eq!(least_tunnels(lot, &shares, only(5)), None);
        }
    }
}
