//! The logarithm of a hash, in integers, and where it is roughly, for much less.

use std::ops::RangeInclusive;

/// `-log2(hash / 2⁶⁴)` in units of 2⁻⁴⁸, rounded up; 1 ≤ result ≤ 64 · 2⁴⁸. It never grows as `hash` grows.
///
/// The binary digits of a logarithm by repeated squaring: the square of a mantissa in [1, 2) is in [1, 4), and whether it
/// reaches 2 is the next digit. Squares are cut off, which keeps the order of any two of them.
pub(super) const fn negative_log2(hash: u64) -> u64 {
    let (exponent, mut mantissa) = parts(hash);
    let mut log = exponent;
    let mut digits = 0;
    while digits < FRACTION_BITS {
        let square = mantissa as u128 * mantissa as u128;
        let reaches_two = square >> 127;
        mantissa = (square >> (63 + reaches_two)) as u64;
        log = (log << 1) | reaches_two as u64;
        digits += 1;
    }
    (64 << FRACTION_BITS) - log
}

/// Two numbers between which [`negative_log2`] of the hash is: mostly that is all one needs to know.
///
/// A logarithm is above each of its chords, and never by more than `GAP` where there are so many; and it is below its tangent at 1,
/// the closer to 1 the closer: the best of many have hashes there.
#[inline]
pub(super) fn bounds_of_negative_log2(hash: u64) -> RangeInclusive<u64> {
    let (exponent, mantissa) = parts(hash);
    let (chord, along) = ((mantissa >> CHORD_BITS) as usize & (CHORDS - 1), mantissa & ((1 << CHORD_BITS) - 1));
    // Both are there: a chord has two ends.
    let (Some(&from), Some(&to)) = (LOG2.get(chord), LOG2.get(chord + 1)) else { return 0..=u64::MAX };
    let on_chord = from + ((u128::from(to - from) * u128::from(along)) >> CHORD_BITS) as u64;
    let most = (64 << FRACTION_BITS) - ((exponent << FRACTION_BITS) + on_chord) + SLACK;
    most.saturating_sub(GAP + 2 * SLACK).max(least_negative_log2(hash))..=most
}

/// What [`negative_log2`] of the hash is at the least, by the tangent alone: what most that are not the best are judged by.
#[inline]
pub(super) fn least_negative_log2(hash: u64) -> u64 {
    let below_one = hash.max(1).wrapping_neg();
    ((u128::from(below_one) * LOG2_E) >> 64) as u64
}

/// What a hash, at least 1, is 2^exponent times of: a mantissa of 2⁶³ ≤ mantissa < 2⁶⁴, which stands for [1, 2).
#[inline]
const fn parts(hash: u64) -> (u64, u64) {
    let hash = if hash == 0 { 1 } else { hash };
    (63 - hash.leading_zeros() as u64, hash << hash.leading_zeros())
}

/// How fine logarithms are: among 2²⁴ endpoints a weight still counts to one part in ten million.
const FRACTION_BITS: u32 = 48;

const CHORDS: usize = 128;
/// The bits of a mantissa below those that say its chord.
const CHORD_BITS: u32 = 56;

/// log2(1 + i / 128), where the chords meet.
static LOG2: [u64; CHORDS + 1] = {
    let mut table = [1 << FRACTION_BITS; CHORDS + 1];
    let mut chord = 0;
    while chord < CHORDS {
        #[expect(clippy::indexing_slicing, reason = "at compile time")]
        {
            table[chord] = (1 << FRACTION_BITS) - negative_log2(((CHORDS + chord) as u64) << CHORD_BITS);
        }
        chord += 1;
    }
    table
};

/// log2(e), rounded down.
const LOG2_E: u128 = 406_082_553_034_799;

/// How far a logarithm is from its chord at the most: log2(e) / 8 · (1/128)², rounded up.
const GAP: u64 = 3_098_164_100;

/// More than all that is cut off comes to.
const SLACK: u64 = 1 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn the_logarithm_is_right_and_never_grows(hash: u64, other: u64) {
            let exact = 64.0 - (hash.max(1) as f64).log2();
            let found = negative_log2(hash) as f64 / 2_f64.powi(FRACTION_BITS as i32);
            prop_assert!((found - exact).abs() < 1e-12, "{found} is not {exact}");
            let (low, high) = (hash.min(other), hash.max(other));
            prop_assert!(negative_log2(low) >= negative_log2(high));
        }

        #[test]
        fn the_logarithm_is_within_its_bounds_and_they_are_close(hash: u64, shift in 0_u32..64, chord in 0_u64..128, off in 0_u64..3) {
            // Anywhere, close to either end, where chords meet, and in the middle of one.
            let meeting = (((128 + chord) << CHORD_BITS) >> shift).wrapping_add(off).wrapping_sub(1);
            let middle = (257 + 2 * chord) << (CHORD_BITS - 1);
            for hash in [hash, hash >> shift, !(hash >> shift), meeting, middle, !off, off] {
                let (bounds, log) = (bounds_of_negative_log2(hash), negative_log2(hash));
                prop_assert!(bounds.contains(&log), "{log} of {hash} is not in {bounds:?}");
                prop_assert!(least_negative_log2(hash) <= log);
                let width = bounds.end() - bounds.start();
                prop_assert!(width <= GAP + 2 * SLACK && width <= 2 * SLACK + log / 100, "{bounds:?} of {hash}");
            }
        }
    }
}
