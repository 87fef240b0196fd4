//! Which of several upstreams a key belongs to, by their shares of all keys.

use super::candidate::Share;
use super::hash::AffinityKey;
use super::rendezvous;

/// The index of the one of `shares` that a key belongs to; `None` where there is none. Where weights change, keys move from those
/// that lose some of their share to those that gain, and no others do.
pub fn split(key: AffinityKey, shares: &[Share]) -> Option<usize> {
    rendezvous::best(key, shares, |share| Some(share.weight)).map(Share::index)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::balance::EndpointIdentity;

    fn shares(weights: &[u32]) -> Vec<Share> {
        let share = |(index, weight): (u32, &u32)| {
            let identity = EndpointIdentity::of(&format!("split {index}"));
            Some(Share { identity, weight: NonZeroU32::new(*weight)?, index })
        };
        (0..).zip(weights).filter_map(share).collect()
    }

    fn key(number: u32) -> AffinityKey {
        AffinityKey::of_value(&number.to_be_bytes())
    }

    fn belonging(weights: &[u32]) -> Vec<usize> {
        let shares = shares(weights);
        (0..10_000).map(|number| split(key(number), &shares).unwrap()).collect()
    }

    #[test]
    fn each_has_its_share_of_the_keys() {
        let second = belonging(&[95, 5]).into_iter().filter(|index| *index == 1).count();
        assert!((400..600).contains(&second), "{second}");
    }

    #[test]
    fn a_weight_of_nothing_is_nobody() {
        assert!(belonging(&[0, 3]).iter().all(|index| *index == 1));
        assert_eq!(split(key(1), &shares(&[0, 0])), None);
    }

    #[test]
    fn where_keys_belong_is_frozen() {
        let first: String = belonging(&[50, 30, 20]).iter().take(40).map(usize::to_string).collect();
        assert_eq!(first, "0120010201112010120000101010020001002111");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn keys_move_only_from_those_that_lose_to_those_that_gain(weights in vec(0u32..100, 2..5), raised in 0usize..5, by in 1u32..100) {
            let raised = raised % weights.len();
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let mut more = weights.clone();
            more[raised] += by;
            for (before, after) in belonging(&weights).into_iter().zip(belonging(&more)) {
                prop_assert!(before == after || after == raised, "{before} → {after}");
            }
        }
    }
}
