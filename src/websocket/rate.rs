//! A token bucket, for messages, control frames or bytes a second.
//!
//! Pure: time is an argument, the time since any epoch the caller likes, always the same. Exact: a token is counted in
//! 10⁹ parts, so that no rounding adds up. No argument overflows, and time that goes backwards stands still.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Parts of a token: what a rate of one a second brings in a nanosecond.
const PARTS: i128 = 1_000_000_000;

/// `per_second` tokens come in, at most `burst` are kept; it starts full.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    per_second: u64,
    burst: u64,
    /// Parts of tokens in the bucket, as of `at`; negative is a debt. ≤ `burst` × [`PARTS`].
    parts: i128,
    /// When `parts` was last brought up to date.
    at: Duration,
}

/// How full a bucket is, in parts of tokens; negative is a debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketLevel(i128);

impl TokenBucket {
    /// A full bucket.
    pub fn new(per_second: u64, burst: u64, now: Duration) -> Self {
        Self { per_second, burst, parts: i128::from(burst) * PARTS, at: now }
    }

    /// How full it is.
    pub fn level(mut self, now: Duration) -> BucketLevel {
        self.refill(now);
        BucketLevel(self.parts)
    }

    /// Makes it as full as that, as of when it was last looked at. It never holds more than its burst.
    pub fn set_level(&mut self, BucketLevel(parts): BucketLevel) {
        self.parts = parts.min(i128::from(self.burst) * PARTS);
    }

    /// How many tokens come in.
    pub fn per_second(&self) -> u64 {
        self.per_second
    }

    /// Takes `n` tokens, all of them or none; whether it did. More than the burst are never granted.
    pub fn take(&mut self, n: u64, now: Duration) -> bool {
        let granted = self.available(now) >= n;
        if granted {
            self.parts -= i128::from(n) * PARTS;
        }
        granted
    }

    /// Takes `n` tokens even if they are not there, for what has already happened. `Some`: how long the bucket will be in debt, if
    /// nothing more is charged.
    pub fn charge(&mut self, n: u64, now: Duration) -> Option<Duration> {
        self.refill(now);
        self.parts = self.parts.saturating_sub(i128::from(n) * PARTS);
        self.time_to_gain(self.parts.saturating_neg())
    }

    /// How many tokens are kept at the most.
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// How long until there are `n` tokens, or the burst where that is less; `None` if they are there.
    pub fn wait_for(&mut self, n: u64, now: Duration) -> Option<Duration> {
        self.refill(now);
        self.time_to_gain((i128::from(n.min(self.burst)) * PARTS).saturating_sub(self.parts))
    }

    /// How many whole tokens there are.
    pub fn available(&mut self, now: Duration) -> u64 {
        self.refill(now);
        u64::try_from(self.parts / PARTS).unwrap_or(0)
    }

    fn refill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        let elapsed = i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX);
        let gained = elapsed.saturating_mul(self.per_second.into());
        self.parts = self.parts.saturating_add(gained).min(i128::from(self.burst) * PARTS);
    }

    /// Rounded up to the next nanosecond, so that one who waits so long finds what he waited for.
    fn time_to_gain(&self, parts: i128) -> Option<Duration> {
        let parts = u128::try_from(parts).ok().filter(|&parts| parts > 0)?;
        let Some(nanos) = parts.checked_add(u128::from(self.per_second.saturating_sub(1))) else {
            return Some(Duration::MAX);
        };
        let nanos = nanos.checked_div(self.per_second.into()).and_then(|nanos| u64::try_from(nanos).ok());
        Some(nanos.map_or(Duration::MAX, Duration::from_nanos))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Duration = Duration::from_secs(7);

    fn after(millis: u64) -> Duration {
        START + Duration::from_millis(millis)
    }

    #[test]
    fn grants_the_burst_at_once_and_then_the_rate() {
        let mut bucket = TokenBucket::new(10, 3, START);
        assert!((0..3).all(|_| bucket.take(1, START)));
        assert!(!bucket.take(1, START));
        assert!(!bucket.take(1, after(99)));
        assert!(bucket.take(1, after(100)));
        assert!(!bucket.take(1, after(199)));
        assert!(bucket.take(1, after(200)), "what came in since the last refusal is not lost");
        assert_eq!(bucket.available(after(60_000)), 3, "no more than the burst is kept");
        assert!(!bucket.take(4, after(60_000)));
        assert_eq!(bucket.available(after(60_000)), 3, "a refusal takes nothing");
    }

    #[test]
    fn a_charge_is_a_debt_that_time_pays() {
        let mut bucket = TokenBucket::new(1_000, 500, START);
        assert_eq!(bucket.charge(500, START), None);
        assert_eq!(bucket.charge(250, START), Some(Duration::from_millis(250)));
        assert_eq!(bucket.available(after(250)), 0);
        assert_eq!(bucket.charge(0, after(250)), None);
        assert_eq!(bucket.available(after(251)), 1);
    }

    #[test]
    fn a_debt_is_rounded_up_so_that_it_is_paid_when_its_time_is_over() {
        let mut bucket = TokenBucket::new(3, 2, START);
        let wait = bucket.charge(3, START).unwrap();
        assert_eq!(wait, Duration::from_nanos(333_333_334));
        assert_eq!(bucket.charge(0, START + wait), None);
    }

    #[test]
    fn who_waits_for_tokens_finds_them() {
        let mut bucket = TokenBucket::new(3, 10, START);
        assert_eq!(bucket.wait_for(10, START), None);
        assert_eq!(bucket.wait_for(1_000, START), None, "more than the burst never come");
        assert!(bucket.take(10, START));
        let wait = bucket.wait_for(2, START).unwrap();
        assert_eq!(wait, Duration::from_nanos(666_666_667));
        assert_eq!(bucket.available(START + wait), 2);
    }

    #[test]
    fn a_rate_of_nothing_never_fills() {
        let mut bucket = TokenBucket::new(0, 1, START);
        assert!(bucket.take(1, START));
        assert_eq!(bucket.charge(1, START), Some(Duration::MAX));
        assert!(!bucket.take(1, Duration::MAX));
    }

    #[test]
    fn time_that_goes_backwards_stands_still() {
        let mut bucket = TokenBucket::new(1, 1, START);
        assert!(bucket.take(1, START));
        assert!(!bucket.take(1, Duration::ZERO));
        assert!(!bucket.take(1, after(999)));
        assert!(bucket.take(1, after(1_000)));
    }

    proptest! {
        #[test]
        fn never_overflows_and_never_grants_above_the_rate(
            per_second: u64,
            burst: u64,
            steps in proptest::collection::vec((any::<u64>(), any::<u64>(), 0..u32::MAX, any::<bool>()), 1..40),
        ) {
            let mut bucket = TokenBucket::new(per_second, burst, Duration::ZERO);
            let (mut latest, mut granted) = (Duration::ZERO, 0u128);
            for (n, seconds, nanos, take) in steps {
                let now = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()));
                latest = latest.max(now);
                if take {
                    granted += u128::from(if bucket.take(n, now) { n } else { 0 });
                } else {
                    bucket.charge(n, now);
                }
                let ever = latest.as_nanos().saturating_mul(per_second.into()) / PARTS as u128;
                prop_assert!(granted <= ever + 1 + u128::from(burst));
            }
        }

        #[test]
        fn who_waits_as_long_as_told_is_out_of_debt(per_second in 1u64.., burst in 1u64.., charged: u64) {
            let mut bucket = TokenBucket::new(per_second, burst, START);
            if let Some(then) = bucket.charge(charged, START).and_then(|wait| START.checked_add(wait)) {
                prop_assert_eq!(bucket.charge(0, then), None);
            }
        }
    }
}
