//! When each tunnel of a drain is told: pure arithmetic over a number of tunnels and three durations.

use std::num::NonZeroU32;
use std::time::Duration;

/// A plan for telling `count` tunnels, one after the other, so that their clients do not come back in one wave.
///
/// Invariant: the last one is told at or before `deadline - answer`, whatever the cap says; a cap that does not allow
/// this is raised, and [`Pace::raised_to`] says to how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    count: usize,
    /// The mean distance between two tunnels; `count` of them are the whole telling.
    step: Duration,
    /// The least distance between two tunnels: what the jitter must leave.
    least: Duration,
    seed: u64,
    raised_to: Option<u32>,
}

impl Pace {
    /// Plans `count` tellings over `spread`, longer if `max_per_second` needs it, but never past the point where the
    /// last one still has `answer` left until `deadline`.
    pub fn new(
        count: usize,
        spread: Duration,
        deadline: Duration,
        answer: Duration,
        max_per_second: NonZeroU32,
        seed: u64,
    ) -> Self {
        let tunnels = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let latest = deadline.saturating_sub(answer.min(deadline / 2));
        let least = Duration::from_secs(1) / max_per_second.get();
        let at_the_cap = least.saturating_mul(tunnels);
        let whole = spread.max(at_the_cap).min(latest);
        let step = whole / tunnels;
        let raised_to = (step < least).then(|| per_second(tunnels, whole));
        Self { count, step, least: least.min(step), seed, raised_to }
    }

    /// When the `index`th tunnel is told, counted from the start; never decreasing, and never closer to its
    /// predecessor than the cap allows.
    pub fn at(&self, index: usize) -> Duration {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let room = self.step.saturating_sub(self.least);
        self.step.saturating_mul(index) + room.mul_f64(fraction(self.seed, index))
    }

    /// How long the whole telling takes.
    pub fn duration(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.count).unwrap_or(u32::MAX))
    }

    /// The rate a second that the deadline forces, where it is above the configured cap.
    pub fn raised_to(&self) -> Option<u32> {
        self.raised_to
    }
}

fn per_second(tunnels: u32, whole: Duration) -> u32 {
    let millis = whole.as_millis().max(1);
    u32::try_from((u128::from(tunnels) * 1_000).div_ceil(millis)).unwrap_or(u32::MAX)
}

/// A number in `0.0..1.0` that depends on nothing but the seed and the index (splitmix64).
fn fraction(seed: u64, index: u32) -> f64 {
    let mut z = seed.wrapping_add(u64::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    f64::from(u32::try_from(z >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

/// A duration in seconds, as a person would write it: to the millisecond.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: Duration = Duration::from_secs(5);

    fn pace(count: usize, spread: u64, deadline: u64, cap: u32) -> Pace {
        let cap = NonZeroU32::new(cap).unwrap();
        Pace::new(count, Duration::from_secs(spread), Duration::from_secs(deadline), ANSWER, cap, 7)
    }

    #[test]
    fn seconds_are_what_a_person_would_write() {
        let written = [999_999_999, 20_000_000_001, 1_234_567_890, 0].map(|nanos| seconds(Duration::from_nanos(nanos)));
        assert_eq!(written.map(|seconds| seconds.to_string()), ["1", "20", "1.235", "0"]);
    }

    #[test]
    fn spreads_over_the_window() {
        let pace = pace(100, 20, 30, 1000);
        assert_eq!(pace.duration(), Duration::from_secs(20));
        assert_eq!(pace.raised_to(), None);
    }

    #[test]
    fn takes_longer_than_the_spread_when_the_cap_asks_for_it() {
        let pace = pace(100, 1, 60, 10);
        assert_eq!(pace.duration(), Duration::from_secs(10));
        assert_eq!(pace.raised_to(), None);
    }

    #[test]
    fn raises_the_rate_rather_than_leave_one_untold() {
        let pace = pace(100_000, 20, 30, 1000);
        assert_eq!(pace.duration(), Duration::from_secs(25));
        assert_eq!(pace.raised_to(), Some(4000));
    }

    #[test]
    fn a_deadline_shorter_than_the_answer_time_leaves_half_of_it_for_answers() {
        let pace = pace(10, 4, 4, 1000);
        assert_eq!(pace.duration(), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn everyone_is_told_in_order_and_in_time(
            count in 1usize..5_000, spread in 0u64..100, deadline in 0u64..200, cap in 1u32..5_000, seed: u64,
        ) {
            let deadline = Duration::from_secs(deadline);
            let cap = NonZeroU32::new(cap).unwrap();
            let pace = Pace::new(count, Duration::from_secs(spread), deadline, ANSWER, cap, seed);
            let latest = deadline - ANSWER.min(deadline / 2);
            let times: Vec<_> = (0..count).map(|index| pace.at(index)).collect();
            prop_assert!(times.is_sorted());
            prop_assert!(times.iter().all(|time| *time <= latest));
            if pace.raised_to().is_none() {
                let least = Duration::from_secs(1) / cap.get();
                prop_assert!(times.windows(2).all(|pair| pair[1] - pair[0] + Duration::from_nanos(2) >= least));
            }
        }
    }
}
