//! Moments of a frozen tunnel: a clock is one process's, so each is written as how far it is from the moment of freezing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A moment, in nanoseconds after that of freezing; before it where negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::tunnel) struct Moment(i64);

impl Moment {
    /// What `instant` is for one who freezes `now`.
    pub(in crate::tunnel) fn of(instant: Instant, now: Instant) -> Self {
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match instant.checked_duration_since(now) {
            Some(ahead) => Self(nanoseconds(ahead)),
            None => Self(-nanoseconds(now.saturating_duration_since(instant))),
        }
    }

    /// The instant that it is for one who was frozen at `frozen`: at the earliest, the first that this clock has.
    pub(in crate::tunnel) fn at(self, frozen: Instant) -> Instant {
        let distance = Duration::from_nanos(self.0.unsigned_abs());
        let instant = if self.0 < 0 { frozen.checked_sub(distance) } else { frozen.checked_add(distance) };
        instant.unwrap_or(frozen)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_same_for_another_clock(seconds in -1_000_000_i64..1_000_000, nanoseconds in 0..1_000_000_000_i64) {
            let (ours, theirs) = (Instant::now() + Duration::from_secs(2_000_000), Instant::now() + Duration::from_secs(3_000_000));
            let moment = Moment(seconds * 1_000_000_000 + nanoseconds);
            prop_assert_eq!(Moment::of(moment.at(ours), ours), moment);
            prop_assert_eq!(Moment::of(moment.at(theirs), theirs), moment);
        }
    }

    #[test]
    fn one_that_no_clock_reaches_is_that_of_freezing() {
        let now = Instant::now();
        for moment in [Moment(i64::MIN), Moment(-i64::MAX)] {
            assert!(moment.at(now) <= now);
        }
        assert!(Moment(i64::MAX).at(now) >= now);
    }
}
