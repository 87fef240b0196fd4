//! How times are spread: counted between borders by workers, read as one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Times, counted between borders.
#[derive(Debug)]
pub(super) struct Buckets {
    borders: &'static [f64],
    /// One for each border, and one for what is beyond the last.
    counts: Box<[AtomicU64]>,
    /// In microseconds: tunnels may be open for half a million years together.
    sum: AtomicU64,
}

/// How times are spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// The borders in seconds, in their order, and how many times were below each and not below the one before.
    pub buckets: Vec<(f64, u64)>,
    /// How many were beyond the last.
    pub beyond: u64,
    /// All of them together.
    pub sum: Duration,
}

impl Buckets {
    /// None yet, between these borders, in seconds.
    pub(super) fn new(borders: &'static [f64]) -> Self {
        Self { borders, counts: (0..=borders.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Counts a time.
    pub(super) fn note(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        // A bucket has what is at most its border (`le`).
        let bucket = self.borders.partition_point(|border| *border < seconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Distribution {
    /// That of all of these together, which have these borders.
    pub(super) fn of<'b>(borders: &[f64], all: impl Iterator<Item = &'b Buckets>) -> Self {
        let mut spread =
            Self { buckets: borders.iter().map(|border| (*border, 0)).collect(), beyond: 0, sum: Duration::ZERO };
        for buckets in all {
            let counts = buckets.counts.iter().map(|count| count.load(Ordering::Relaxed));
            let sums = spread.buckets.iter_mut().map(|(_, count)| count).chain([&mut spread.beyond]);
            sums.zip(counts).for_each(|(sum, count)| *sum += count);
            spread.sum += Duration::from_micros(buckets.sum.load(Ordering::Relaxed));
        }
        spread
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum::<u64>() + self.beyond
    }
}

/// The borders of what is waited for: from an endpoint in the next rack to one behind a slow login.
pub(super) const WAITS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The borders of how long tunnels are open.
pub(super) const LIVES: [f64; 11] = [1.0, 10.0, 29.0, 31.0, 59.0, 61.0, 300.0, 1800.0, 7200.0, 43_200.0, 259_200.0];

/// The borders of how long tunnels had been quiet when they ended: on both sides of the timeouts that proxies, load balancers and
/// routers have (30, 60, 100, 120, 300, 350 seconds), so that one of them is seen.
pub(super) const QUIETS: [f64; 14] =
    [1.0, 5.0, 15.0, 29.0, 31.0, 59.0, 61.0, 99.0, 101.0, 119.0, 121.0, 299.0, 351.0, 3600.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_whose_border_it_does_not_pass() {
        let (one, other) = (Buckets::new(&[0.5, 1.0]), Buckets::new(&[0.5, 1.0]));
        for millis in [0, 500, 501, 1000] {
            one.note(Duration::from_millis(millis));
        }
        other.note(Duration::from_secs(7));
        let spread = Distribution::of(&[0.5, 1.0], [&one, &other].into_iter());
        assert_eq!((&*spread.buckets, spread.beyond), (&[(0.5, 2), (1.0, 2)][..], 1));
        assert_eq!((spread.count(), spread.sum), (5, Duration::from_millis(9001)));
    }

    #[test]
    fn nothing_is_an_empty_spread_with_its_borders() {
        let spread = Distribution::of(&WAITS, std::iter::empty());
        assert_eq!((spread.count(), spread.buckets.len()), (0, WAITS.len()));
    }

    #[test]
    fn borders_rise() {
        for borders in [&WAITS[..], &LIVES, &QUIETS] {
            assert!(borders.is_sorted_by(|one, next| one < next), "{borders:?}");
        }
    }
}
