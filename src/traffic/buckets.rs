//! How sizes and times spread: histograms of a few fixed buckets, found by arithmetic and not by searching.

use std::time::Duration;

use super::counted::Counted;

/// How many buckets there are, the last for all that is beyond the others.
const BUCKETS: usize = 12;

/// The upper borders of what sizes are told by, in bytes: powers of four, from a word to a film.
pub const SIZES: [u64; BUCKETS - 1] =
    [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];

/// The upper borders of what round trips of pings are told by, in seconds: [`SIZES`] in units of 16 microseconds.
pub const PING_SECONDS: [f64; BUCKETS - 1] = [
    0.000_256,
    0.001_024,
    0.004_096,
    0.016_384,
    0.065_536,
    0.262_144,
    1.048_576,
    4.194_304,
    16.777_216,
    67.108_864,
    268.435_456,
];

/// The first border of sizes, in bytes.
const FIRST_SIZE: u64 = 16;

/// The first border of round trips, in microseconds.
const FIRST_MICROS: u64 = 256;

/// How many values there were, by how large they are, and their sum.
#[derive(Debug, Default)]
pub(super) struct SpreadCell {
    buckets: [Counted; BUCKETS],
    sum: Counted,
}

/// The same, as it was at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// How many there were in each bucket alone; the last is beyond every border.
    pub buckets: [u64; BUCKETS],
    /// The sum of them all, in the unit of the borders: bytes or seconds.
    pub sum: f64,
}

impl SpreadCell {
    /// Counts a message of so many bytes.
    #[inline]
    pub(super) fn note_size(&self, bytes: u64) {
        self.note(bytes, FIRST_SIZE);
    }

    /// Counts a round trip.
    pub(super) fn note_ping_time(&self, took: Duration) {
        self.note(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), FIRST_MICROS);
    }

    #[inline]
    fn note(&self, value: u64, first: u64) {
        if let Some(bucket) = self.buckets.get(bucket(value, first)) {
            bucket.add(1);
        }
        self.sum.add(value);
    }

    /// What it is now, in units of which so many are one of [`Spread`].
    pub(super) fn read(&self, per_unit: f64) -> Spread {
        let buckets = self.buckets.each_ref().map(Counted::get);
        Spread { buckets, sum: self.sum.get() as f64 / per_unit }
    }
}

/// In which bucket `value` is, where the first ends with `first`, a power of two, and each of the others with four times the one before.
#[inline]
fn bucket(value: u64, first: u64) -> usize {
    let bits = u64::BITS - (value.saturating_sub(1) / first).leading_zeros();
    (bits.div_ceil(2) as usize).min(BUCKETS - 1)
}

impl Spread {
    /// Adds what another worker counted.
    pub(super) fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(all, more)| *all = all.wrapping_add(more));
        self.sum += other.sum;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_whose_border_is_no_less() {
        let micros = PING_SECONDS.map(|seconds| (seconds * 1e6).round() as u64);
        for (first, borders) in [(FIRST_SIZE, SIZES), (FIRST_MICROS, micros)] {
            for (at, border) in borders.into_iter().enumerate() {
                assert_eq!((bucket(border, first), bucket(border + 1, first)), (at, at + 1), "{border}");
            }
            assert_eq!((bucket(0, first), bucket(1, first), bucket(u64::MAX, first)), (0, 0, BUCKETS - 1));
        }
    }

    #[test]
    fn what_is_noted_is_read_in_its_unit() {
        let (sizes, pings) = <(SpreadCell, SpreadCell)>::default();
        [0, 16, 17, 1 << 30].iter().for_each(|size| sizes.note_size(*size));
        [250, 4_000_000].iter().for_each(|micros| pings.note_ping_time(Duration::from_micros(*micros)));
        let mut all = sizes.read(1.0);
        all.add(&sizes.read(1.0));
        assert_eq!((all.buckets[0], all.buckets[1], all.buckets[BUCKETS - 1]), (4, 2, 2));
        assert_eq!((all.count(), all.sum), (8, 2.0 * (33.0 + f64::from(1 << 30))));
        assert_eq!((pings.read(1e6).buckets[0], pings.read(1e6).sum), (1, 4.00025));
    }
}
