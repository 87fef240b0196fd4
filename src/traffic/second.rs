//! Whole seconds: what a busy tunnel can tell the time by at the cost of a comparison.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// When seconds began to be counted: long before the process, for a tunnel may be older, and was carried on. Of the system's clock, which no
/// test holds back.
static BEGUN: LazyLock<Instant> = LazyLock::new(|| {
    let now = std::time::Instant::now();
    Instant::from_std(now.checked_sub(LONG_BEFORE).unwrap_or(now))
});

/// Longer than any tunnel is open, and far from all that can be counted, which is 136 years.
const LONG_BEFORE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A whole second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second(pub(super) u32);

/// A clock of whole seconds. A worker has one: most of its tunnels are polled within the second that it read last.
#[derive(Debug)]
pub struct SecondClock {
    /// What it read last.
    second: Second,
    /// When that second began, and when it is over.
    within: (Instant, Instant),
}

impl SecondClock {
    /// A clock that reads its first second now.
    pub fn new(now: Instant) -> Self {
        let second = Second::of(now);
        let begins = second.begins();
        Self { second, within: (begins, begins + Duration::from_secs(1)) }
    }

    /// The second that `now` is in.
    #[inline]
    pub fn read(&mut self, now: Instant) -> Second {
        let (begins, ends) = self.within;
        if now < begins || now >= ends {
            self.read_anew(now);
        }
        self.second
    }

    #[cold]
    fn read_anew(&mut self, now: Instant) {
        *self = Self::new(now);
    }
}

impl Second {
    /// The first one, in which nothing passes.
    pub(super) const BEFORE_ALL: Self = Self(0);

    /// The one that `at` is in; what was before the first is in that.
    pub fn of(at: Instant) -> Self {
        Self(u32::try_from(at.saturating_duration_since(*BEGUN).as_secs()).unwrap_or(u32::MAX))
    }

    /// When it began.
    pub(super) fn begins(self) -> Instant {
        *BEGUN + Duration::from_secs(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_reads_the_second_that_it_is_whichever_way_it_is_turned() {
        let start = Instant::now();
        let mut clock = SecondClock::new(start);
        for millis in [0, 1, 999, 1_000, 1_001, 5_500, 61_000, 60_999, 400, 0, 3_600_000] {
            let now = start + Duration::from_millis(millis);
            let second = clock.read(now);
            assert_eq!(second, Second::of(now), "{millis} ms");
            assert!(second.begins() <= now && now < second.begins() + Duration::from_secs(1), "{millis} ms");
        }
    }

    #[test]
    fn what_was_before_the_first_second_is_in_it() {
        let before = *BEGUN - Duration::from_millis(1);
        assert_eq!(Second::of(before), Second(0));
        assert_eq!(SecondClock::new(before).read(before), Second(0));
    }
}
