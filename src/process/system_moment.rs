//! A moment of the system's monotonic clock, as a number: all processes that run since it was started read the same clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A moment, in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SystemMoment(u64);

impl SystemMoment {
    /// This one.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Monotonic);
        let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }

    /// How long ago it was; nothing where it is still to come.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos(Self::now().0.saturating_sub(self.0))
    }

    /// What it is for a clock of this process.
    pub fn instant(self) -> Instant {
        let now = Instant::now();
        now.checked_sub(self.elapsed()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_for_both_clocks() {
        let before = Instant::now();
        let moment = SystemMoment::now();
        let after = Instant::now();
        let slack = Duration::from_millis(50);
        assert!(moment.instant() + slack >= before && moment.instant() <= after + slack);
        assert_eq!(SystemMoment(u64::MAX).elapsed(), Duration::ZERO);
    }
}
