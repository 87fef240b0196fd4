//! Moments of what is frozen: a clock is one process's, so each is written as how far it is from the moment of freezing.
//!
//! Pure, and of any clock that counts in [`Instant`]s, also of one that tests hold back.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A moment, in nanoseconds after that of freezing; before it where negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment(i64);

impl Moment {
    /// What `instant` is for one who freezes `now`.
    pub fn of<I: Into<Instant>>(instant: I, now: I) -> Self {
        let (instant, now) = (instant.into(), now.into());
        let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match instant.checked_duration_since(now) {
            Some(ahead) => Self(nanoseconds(ahead)),
            None => Self(-nanoseconds(now.saturating_duration_since(instant))),
        }
    }

    /// The instant that it is for one who was frozen at `frozen`; that itself, where this clock does not reach it.
    pub fn at<I: Into<Instant> + From<Instant>>(self, frozen: I) -> I {
        let (distance, frozen) = (Duration::from_nanos(self.0.unsigned_abs()), frozen.into());
        let instant = if self.0 < 0 { frozen.checked_sub(distance) } else { frozen.checked_add(distance) };
        instant.unwrap_or(frozen).into()
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
