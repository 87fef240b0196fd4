//! Bounded loads (Mirrokni, Thorup & Zadimoghaddam 2018): nobody takes more than so many times its share of all tunnels.

use super::candidate::Candidate;
use super::load_factor::LoadFactor;

/// The load and the weight of all candidates together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    load: u64,
    weight: u64,
}

impl Total {
    /// Whether one of those that were counted may take one more: `load < ⌈c · (total load + 1) · weight / total weight⌉`. One of
    /// them always may.
    pub(super) fn has_room(&self, factor: LoadFactor, candidate: &Candidate) -> bool {
        // load < ⌈a / b⌉ is load · b < a, and a is below 2²⁰ · 2³² · 2⁶⁴.
        let a = u128::from(factor.thousandths())
            * u128::from(candidate.weight.get())
            * u128::from(self.load.saturating_add(1));
        let b = u128::from(self.weight) * u128::from(ONE);
        b.saturating_mul(candidate.load as u128) < a
    }
}

impl FromIterator<Candidate> for Total {
    fn from_iter<I: IntoIterator<Item = Candidate>>(candidates: I) -> Self {
        candidates.into_iter().fold(Self::default(), |total, candidate| Self {
            load: total.load.saturating_add(candidate.load as u64),
            weight: total.weight.saturating_add(candidate.weight.get().into()),
        })
    }
}

/// A factor of 1, in thousandths.
const ONE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::balance::Standing;

    fn candidate(load: usize, weight: u32) -> Candidate {
        let weight = NonZeroU32::new(weight).unwrap();
        Candidate { standing: Standing::Open, weight, load, busy: 0, due: 0 }
    }

    #[test]
    fn the_bound_is_rounded_up_and_counts_who_comes() {
        // ⌈1.25 · 9 / 2⌉ is 6, of which the heavier of 1 and 3 has ⌈1.25 · 9 · 3 / 4⌉ = 9.
        let factor = LoadFactor::from_thousandths(1_250).unwrap();
        let has_room = |total: &Total, load, weight| total.has_room(factor, &candidate(load, weight));
        let equal: Total = [candidate(5, 1), candidate(3, 1)].into_iter().collect();
        assert!(has_room(&equal, 5, 1) && !has_room(&equal, 6, 1));
        let unequal: Total = [candidate(0, 1), candidate(8, 3)].into_iter().collect();
        assert!(has_room(&unequal, 8, 3) && !has_room(&unequal, 9, 3));
    }

    proptest! {
        #[test]
        fn somebody_always_has_room(
            all in prop::collection::vec((0_usize..1 << 40, 1_u32..), 1..12),
            thousandths in 1_000_u32..=1_000_000,
        ) {
            let all: Vec<_> = all.into_iter().map(|(load, weight)| candidate(load, weight)).collect();
            let (total, factor) = (Total::from_iter(all.clone()), LoadFactor::from_thousandths(thousandths).unwrap());
            prop_assert!(all.iter().any(|candidate| total.has_room(factor, candidate)));
        }
    }
}
