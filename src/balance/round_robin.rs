//! `round_robin`: one after the other, a heavier one more often (stride scheduling, Waldspurger & Weihl 1995).
//!
//! Virtual time is a clock of the upstream, and each endpoint is due at some time of it: who is due first is the next, the clock
//! goes on to that time, and the endpoint is due again a stride later, which is the shorter the heavier it is. When it is due is
//! kept as it would be for the least weight and counted for the weight of now, so that it comes nearer while an endpoint grows
//! heavier. Whoever was away, or is new, is due now: nothing is made up for. Times may wrap around: only how far one is ahead of
//! the clock counts.

use super::candidate::{Candidate, Share};

/// Who is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextDue<'s> {
    /// This endpoint.
    pub share: &'s Share,
    /// When it was due, as it was found: if it is another time by now, somebody else has been placed there.
    pub found: u64,
    /// What the clock goes on to.
    pub now: u64,
    /// When it is due again, if it had the least weight.
    pub again: u64,
}

/// Who is due next of the open ones of `shares`; of two at the same time, the first.
pub fn round_robin<'s>(clock: u64, shares: &'s [Share], look: impl Fn(&Share) -> Candidate) -> Option<NextDue<'s>> {
    let mut first: Option<(u64, &Share, Candidate)> = None;
    for share in shares {
        let candidate = look(share);
        if !candidate.is_open() {
            continue;
        }
        let sooner = LONGEST_STRIDE - LONGEST_STRIDE / u64::from(candidate.weight.get());
        let ahead = ahead(candidate.due.wrapping_sub(sooner), clock);
        if first.is_none_or(|(least, ..)| ahead < least) {
            first = Some((ahead, share, candidate));
        }
    }
    first.map(|(ahead, share, candidate)| {
        let now = clock.wrapping_add(ahead);
        NextDue { share, found: candidate.due, now, again: now.wrapping_add(LONGEST_STRIDE) }
    })
}

/// The later of two times of a clock.
pub fn later(one: u64, two: u64) -> u64 {
    one.wrapping_add(ahead(two, one))
}

/// How far a time is ahead of the clock; further than any stride takes one is behind it.
fn ahead(time: u64, clock: u64) -> u64 {
    let ahead = time.wrapping_sub(clock);
    if ahead > LONGEST_STRIDE { 0 } else { ahead }
}

/// That of a weight of 1, as it is counted: what the largest weight is rounded off by is less than one part in 200,000.
const LONGEST_STRIDE: u64 = 1 << 48;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::super::{EndpointIdentity, Standing};
    use super::*;

    /// Endpoints of these weights, and when they are due.
    struct Table {
        shares: Vec<Share>,
        due: Vec<u64>,
        clock: u64,
    }

    impl Table {
        fn new(weights: &[u32]) -> Self {
            let share = |(index, &weight): (u32, &u32)| Share {
                identity: EndpointIdentity::of(&index.to_string()),
                weight: NonZeroU32::new(weight).unwrap(),
                index,
            };
            let shares: Vec<_> = (0..).zip(weights).map(share).collect();
            Self { due: vec![0; shares.len()], shares, clock: 0 }
        }

        /// Who is next of those that are not away.
        fn next(&mut self, away: &[usize]) -> usize {
            let look = |share: &Share| Candidate {
                standing: if away.contains(&share.index()) { Standing::Closed } else { Standing::Open },
                weight: share.weight,
                load: 0,
                busy: 0,
                due: self.due[share.index()],
            };
            let next = round_robin(self.clock, &self.shares, look).unwrap();
            assert_eq!(next.found, self.due[next.share.index()]);
            self.due[next.share.index()] = next.again;
            self.clock = later(self.clock, next.now);
            next.share.index()
        }

        fn counts(&mut self, picks: usize, away: &[usize]) -> Vec<usize> {
            let mut counts = vec![0; self.shares.len()];
            for _ in 0..picks {
                counts[self.next(away)] += 1;
            }
            counts
        }
    }

    #[test]
    fn equals_come_one_after_the_other() {
        let mut table = Table::new(&[1, 1, 1]);
        let order: Vec<_> = (0..7).map(|_| table.next(&[])).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_heavier_one_is_spread() {
        let mut table = Table::new(&[4, 1, 1]);
        let order: Vec<_> = (0..12).map(|_| table.next(&[])).collect();
        assert_eq!(order, [0, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0]);
    }

    #[test]
    fn whoever_was_away_makes_up_for_nothing() {
        let mut table = Table::new(&[1, 1, 1]);
        assert_eq!(table.counts(300, &[2]), [150, 150, 0]);
        assert_eq!(table.counts(300, &[]), [100, 100, 100]);
    }

    #[test]
    fn who_comes_slowly_has_its_share_as_soon_as_it_has_its_weight() {
        let mut table = Table::new(&[1024, 1024, 1]);
        assert_eq!(table.counts(300, &[2])[2], 0);
        let mut counts = vec![];
        for weight in [1, 256, 512, 1024] {
            table.shares[2].weight = NonZeroU32::new(weight).unwrap();
            counts.push(table.counts(300, &[])[2]);
        }
        assert_eq!(counts, [1, 34, 60, 100]);
    }

    #[test]
    fn nobody_is_next_where_nobody_is() {
        assert_eq!(round_robin(0, &[], |_| unreachable!()), None);
    }

    #[test]
    fn time_may_wrap_around() {
        let mut table = Table::new(&[1, 2, 3]);
        table.clock = u64::MAX - 2 * LONGEST_STRIDE;
        assert_eq!(table.counts(6_000, &[]), [1_000, 2_000, 3_000]);
        assert!(table.clock < u64::MAX / 2, "it has not");
    }

    proptest! {
        #[test]
        fn each_has_exactly_its_share(weights in prop::collection::vec(1_u32..20, 1..8), rounds in 1_usize..50) {
            let total: u32 = weights.iter().sum();
            let counts = Table::new(&weights).counts(total as usize * rounds, &[]);
            let expected: Vec<_> = weights.iter().map(|&weight| weight as usize * rounds).collect();
            prop_assert_eq!(counts, expected);
        }

        #[test]
        fn who_comes_back_has_its_share_from_then_on(weights in prop::collection::vec(1_u32..20, 2..8), before in 0_usize..500) {
            let total: u32 = weights.iter().sum();
            let mut table = Table::new(&weights);
            table.counts(before, &[0]);
            for (count, &weight) in table.counts(total as usize * 10, &[]).into_iter().zip(&weights) {
                prop_assert!(count.abs_diff(weight as usize * 10) <= 1 + weight as usize, "{count} of {weight}");
            }
        }
    }
}
