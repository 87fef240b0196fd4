//! When an endpoint came to where others served already, or came back: from then on it starts slowly, if its upstream wants that.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::balance::ramping_weight;

/// When an endpoint came.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    /// In nanoseconds, and one more; 0: it has been there for as long as anybody, or long enough.
    came: AtomicU64,
}

impl Arrival {
    /// It comes now.
    pub(super) fn note(&self, now: Duration) {
        self.came.store(nanoseconds(now).saturating_add(1), Ordering::Relaxed);
    }

    /// What it has of its `full` weight; the clock is only read while it may be less than all.
    pub(super) fn weight(&self, full: NonZeroU32, slow_start: Duration, now: impl Fn() -> Duration) -> NonZeroU32 {
        let came = self.came.load(Ordering::Relaxed);
        let Some(since) = came.checked_sub(1) else { return full };
        let been_there = Duration::from_nanos(nanoseconds(now()).saturating_sub(since));
        ramping_weight(full, been_there, slow_start).unwrap_or_else(|| {
            // Unless it has come anew meanwhile.
            let _ = self.came.compare_exchange(came, 0, Ordering::Relaxed, Ordering::Relaxed);
            full
        })
    }
}

/// More than five hundred years are as good as for ever.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FULL: NonZeroU32 = NonZeroU32::new(1000).unwrap();

    #[test]
    fn who_was_always_there_has_all_of_its_weight_and_reads_no_clock() {
        let weight = Arrival::default().weight(FULL, SECOND, || panic!("the clock is read"));
        assert_eq!(weight, FULL);
    }

    #[test]
    fn a_newcomer_grows_and_may_come_again() {
        let arrival = Arrival::default();
        let at = |tenths: u32| arrival.weight(FULL, SECOND, || tenths * SECOND / 10).get();
        arrival.note(Duration::ZERO);
        assert_eq!([0, 5, 9].map(at), [1, 500, 900]);
        assert_eq!([10, 5].map(at), [1000, 1000], "once it is over, it is over");
        arrival.note(2 * SECOND);
        assert_eq!([25, 30].map(at), [500, 1000]);
    }
}
