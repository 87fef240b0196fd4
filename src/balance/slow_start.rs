//! The weight of an endpoint that starts slowly: what a part of its time is of its time, that part it has of its weight.
//!
//! Everybody's weight is kept finer than it is configured, so that there is room below a weight of 1; since it is finer for all
//! alike, it changes no placement. Under rendezvous a weight that grows only attracts: the keys that move are the endpoint's own.

use std::num::NonZeroU32;
use std::time::Duration;

/// A configured weight, as fine as it is counted. The largest, 1,000,000, is below 2³² then.
pub fn fine_weight(configured: NonZeroU32) -> NonZeroU32 {
    configured.saturating_mul(FINENESS)
}

/// What an endpoint has of its `full` weight when it has been there for so long; `None` when it has all of it.
pub fn ramping_weight(full: NonZeroU32, been_there: Duration, slow_start: Duration) -> Option<NonZeroU32> {
    if been_there >= slow_start {
        return None;
    }
    let part = u128::from(full.get()) * been_there.as_nanos() / slow_start.as_nanos();
    Some(u32::try_from(part).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN))
}

/// Parts of a weight of 1.
const FINENESS: NonZeroU32 = NonZeroU32::new(1024).expect("it is not 0");

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_weight_grows_from_nearly_nothing_to_all_of_it() {
        let full = fine_weight(NonZeroU32::MIN);
        let after = |seconds| ramping_weight(full, seconds * SECOND, 30 * SECOND).map(NonZeroU32::get);
        assert_eq!([0, 1, 15, 29].map(after), [Some(1), Some(34), Some(512), Some(989)]);
        assert_eq!([30, 31].map(after), [None, None]);
        assert_eq!(ramping_weight(full, Duration::ZERO, Duration::ZERO), None);
    }

    #[test]
    fn the_largest_weight_has_room() {
        let largest = NonZeroU32::new(1_000_000).unwrap();
        assert_eq!(fine_weight(largest).get(), 1_024_000_000);
        let nearly = ramping_weight(fine_weight(largest), Duration::MAX - Duration::from_nanos(1), Duration::MAX);
        assert_eq!(nearly.unwrap().get(), 1_023_999_999);
    }
}
