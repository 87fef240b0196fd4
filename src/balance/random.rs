//! `random`: drawn by lot, each endpoint as likely as its weight.

use super::candidate::{Candidate, Share};
use super::hash::AffinityKey;
use super::rendezvous;

/// An open one of `shares`; `lot` is 64 random bits.
pub fn random(lot: u64, shares: &[Share], look: impl Fn(&Share) -> Candidate) -> Option<&Share> {
    rendezvous::best(AffinityKey::of_lot(lot), shares, |share| look(share).weight_if_open())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::{EndpointIdentity, Standing};
    use super::*;

    #[test]
    fn everybody_is_drawn_as_often_as_it_weighs_and_nobody_that_is_not_open() {
        const DRAWS: u32 = 64_000;
        let share = |index: u32| Share {
            identity: EndpointIdentity::of(&index.to_string()),
            weight: NonZeroU32::new(index + 1).unwrap(),
            index,
        };
        let shares: Vec<_> = (0..4).map(share).collect();
        let look = |share: &Share| Candidate {
            standing: if share.index() == 1 { Standing::Closed } else { Standing::Open },
            weight: share.weight,
            load: share.index(),
            busy: 0,
            due: 0,
        };
        let (mut counts, mut lots) = ([0_u32; 4], fastrand::Rng::with_seed(3));
        for _ in 0..DRAWS {
            counts[random(lots.u64(..), &shares, look).unwrap().index()] += 1;
        }
        let expected = [DRAWS / 8, 0, DRAWS * 3 / 8, DRAWS / 2];
        // Three standard deviations are at the most 380.
        assert!(counts.iter().zip(expected).all(|(count, expected)| count.abs_diff(expected) <= 380), "{counts:?}");
    }
}
