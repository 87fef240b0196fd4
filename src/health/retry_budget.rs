//! How many requests may be asked again of another endpoint: a share of all that come, and some each second in any case.
//!
//! Retries help where one endpoint fails, and do harm where all do: each of them is then asked several times as much. So they are
//! paid for from what comes in. What is not used is kept for [`WINDOW`] and no longer: an endpoint that fails after a quiet hour costs
//! a burst of that size, and from then on the rate.

use std::time::{Duration, Instant};

/// What may be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRule {
    /// The share of all requests, in thousandths.
    pub share_permille: u32,
    /// So many each second whatever the share is.
    pub at_least: u32,
}

/// What is left to be retried.
#[derive(Debug)]
pub struct RetryBudget {
    /// In billionths of a retry: `at_least` is earned by the nanosecond, so that nothing is lost where takes follow upon each other.
    left: u128,
    as_of: Instant,
    /// How many requests had come by then.
    seen: u64,
    /// About how many of them within the last window, in billionths.
    recent: u128,
}

impl RetryBudget {
    /// A full one, as of when no request has come yet: who made it later would take every request ever for those of one window.
    pub fn new(now: Instant) -> Self {
        Self { left: u128::MAX, as_of: now, seen: 0, recent: 0 }
    }

    /// Takes one retry where there is one, when so many requests have come in all.
    pub fn try_take(&mut self, rule: RetryRule, requests: u64, now: Instant) -> bool {
        self.refill(rule, requests, now);
        let left = self.left.checked_sub(ONE);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn refill(&mut self, rule: RetryRule, requests: u64, now: Instant) {
        let elapsed = now.saturating_duration_since(self.as_of).as_nanos();
        let came = u128::from(requests.saturating_sub(self.seen)) * ONE;
        let (share, at_least) = (u128::from(rule.share_permille), u128::from(rule.at_least));
        let window = WINDOW.as_nanos();
        self.recent = match window.checked_sub(elapsed) {
            Some(still) => came.saturating_add(self.recent.saturating_mul(still) / window),
            None => came.saturating_mul(window) / elapsed.max(1),
        };
        let paid = |lasted: u128, came: u128| {
            at_least.saturating_mul(lasted).saturating_add(share.saturating_mul(came) / 1000)
        };
        self.left = self.left.saturating_add(paid(elapsed, came)).min(paid(window, self.recent));
        (self.as_of, self.seen) = (now, requests);
    }
}

const ONE: u128 = 1_000_000_000;

/// For how long what is not used is kept.
const WINDOW: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: RetryRule = RetryRule { share_permille: 200, at_least: 100 };

    /// How many retries of `each` a second are granted in each of `seconds`, while so many requests come in each.
    fn granted(rule: RetryRule, requests: u64, each: u64, seconds: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut budget = RetryBudget::new(start);
        (0..seconds)
            .map(|second| {
                let tries = (1..=each).map(|number| {
                    let now =
                        start + Duration::from_secs(second) + Duration::from_secs(1) * number as u32 / each as u32;
                    budget.try_take(rule, second * requests + requests * number / each, now)
                });
                tries.filter(|is_granted| *is_granted).count() as u64
            })
            .collect()
    }

    #[test]
    fn what_is_within_the_share_is_always_granted() {
        assert!(granted(USUAL, 1000, 300, 60).iter().all(|granted| *granted == 300));
        assert!(granted(USUAL, 0, 100, 60).iter().all(|granted| *granted == 100));
    }

    #[test]
    fn what_is_beyond_has_a_burst_and_then_the_rate() {
        let granted = granted(USUAL, 1000, 1000, 60);
        assert_eq!(granted.first(), Some(&1000));
        assert!(granted.iter().skip(10).all(|granted| (299..=301).contains(granted)), "{granted:?}");
        // Ten seconds of `at_least` are there from the beginning.
        assert!(granted.iter().sum::<u64>() <= 60 * 300 + 10 * 100, "{granted:?}");
    }

    #[test]
    fn takes_that_follow_upon_each_other_within_a_millisecond_lose_nothing() {
        let granted = granted(USUAL, 1000, 5000, 30);
        assert!(granted.iter().skip(10).all(|granted| (299..=301).contains(granted)), "{granted:?}");
    }

    #[test]
    fn a_quiet_hour_saves_no_more_than_a_window() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(start);
        assert!(budget.try_take(USUAL, 1, start));
        let later = start + Duration::from_secs(3600);
        let burst = (0..100_000).filter(|_| budget.try_take(USUAL, 3_600_001, later)).count();
        // 100 and 20 % of 1,000 a second, for ten seconds.
        assert_eq!(burst, 3000);
    }

    #[test]
    fn nothing_is_granted_where_nothing_may_be() {
        let none = RetryRule { share_permille: 0, at_least: 0 };
        assert_eq!(granted(none, 1000, 10, 20).iter().sum::<u64>(), 0);
    }

    proptest! {
        #[test]
        fn no_more_is_ever_granted_than_is_paid_for(
            share_permille in 0..2000_u32,
            at_least in 0..500_u32,
            steps in prop::collection::vec((0..3000_u64, 0..200_u64, 0..50_usize), 1..200),
        ) {
            let (rule, start) = (RetryRule { share_permille, at_least }, Instant::now());
            let (mut budget, mut now, mut requests, mut granted) = (RetryBudget::new(start), start, 0, 0_u64);
            for (milliseconds, came, tries) in steps {
                now += Duration::from_millis(milliseconds);
                requests += came;
                granted += (0..tries).filter(|_| budget.try_take(rule, requests, now)).count() as u64;
                let lasted = (now - start + WINDOW).as_millis() as u64;
                let paid = u64::from(share_permille) * requests + u64::from(at_least) * lasted;
                prop_assert!(granted * 1000 <= paid, "{granted} of {paid} thousandths");
            }
        }
    }
}
