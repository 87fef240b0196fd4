//! The requests of an upstream, and those of them that are asked again of another endpoint.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::RetryBudgetSettings;
use crate::health::{RetryBudget, RetryRule};

/// What an upstream knows of its retries, for as long as it lives. Where nothing fails, a request costs one addition.
#[derive(Debug)]
pub struct Retries {
    requests: AtomicU64,
    granted: AtomicU64,
    refused: AtomicU64,
    budget: Mutex<Budget>,
}

#[derive(Debug)]
struct Budget {
    budget: RetryBudget,
    /// When it was said last that it was used up.
    said: Option<Instant>,
    /// How many were refused since.
    unsaid: u64,
}

/// Whether a request may be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryVerdict {
    /// It may.
    Granted,
    /// It may not: too many are already.
    Refused {
        /// How many were refused since that was said last, if it is to be said now.
        to_say: Option<u64>,
    },
}

/// How often requests were asked again, or were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryCounts {
    /// Those that were.
    pub granted: u64,
    /// Those that were not, since the budget was used up.
    pub refused: u64,
}

impl Retries {
    /// Those of an upstream that is new.
    pub fn new(now: Instant) -> Self {
        let budget = Budget { budget: RetryBudget::new(now.into_std()), said: None, unsaid: 0 };
        let [requests, granted, refused] = std::array::from_fn(|_| AtomicU64::default());
        Self { requests, granted, refused, budget: Mutex::new(budget) }
    }

    /// A request has come.
    pub fn note_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a retry from the budget, where there is one.
    pub fn take(&self, settings: Option<RetryBudgetSettings>, now: Instant) -> RetryVerdict {
        let verdict = settings.map_or(RetryVerdict::Granted, |settings| self.take_from_budget(settings, now));
        let counter = if verdict == RetryVerdict::Granted { &self.granted } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        verdict
    }

    /// What was counted.
    pub fn counts(&self) -> RetryCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RetryCounts { granted: count(&self.granted), refused: count(&self.refused) }
    }

    fn take_from_budget(&self, settings: RetryBudgetSettings, now: Instant) -> RetryVerdict {
        let RetryBudgetSettings { share_permille, at_least } = settings;
        let rule = RetryRule { share_permille, at_least };
        // A panic while it was held leaves a retry too many or too few.
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.budget.try_take(rule, self.requests.load(Ordering::Relaxed), now.into_std()) {
            return RetryVerdict::Granted;
        }
        budget.unsaid += 1;
        let is_time = budget.said.is_none_or(|said| now >= said + SAY);
        let to_say = is_time.then(|| {
            budget.said = Some(now);
            std::mem::take(&mut budget.unsaid)
        });
        RetryVerdict::Refused { to_say }
    }
}

/// How often it is said that a budget is used up.
const SAY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_is_used_up_is_said_now_and_then() {
        let start = Instant::now();
        let retries = Retries::new(start);
        let settings = Some(RetryBudgetSettings { share_permille: 0, at_least: 1 });
        let take = |seconds| retries.take(settings, start + Duration::from_secs(seconds));
        assert!((0..10).all(|_| take(0) == RetryVerdict::Granted));
        assert_eq!(take(0), RetryVerdict::Refused { to_say: Some(1) });
        assert!((0..5).all(|_| take(0) == RetryVerdict::Refused { to_say: None }));
        assert!((0..10).all(|_| take(11) == RetryVerdict::Granted));
        assert_eq!(take(11), RetryVerdict::Refused { to_say: Some(6) });
        assert_eq!(retries.take(None, start), RetryVerdict::Granted);
        assert_eq!(retries.counts(), RetryCounts { granted: 21, refused: 7 });
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_long_ago_pay_for_no_retry() {
        let start = Instant::now();
        let retries = Retries::new(start);
        (0..3_600_000).for_each(|_| retries.note_request());
        let settings = Some(RetryBudgetSettings { share_permille: 200, at_least: 100 });
        let hour = start + Duration::from_secs(3600);
        let burst = (0..10_000).filter(|_| retries.take(settings, hour) == RetryVerdict::Granted).count();
        // 100 and 20 % of 1,000 a second, for ten seconds.
        assert_eq!(burst, 3000);
    }
}
