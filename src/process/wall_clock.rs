//! The time of day, for people and for what is dated, such as certificates: nothing waits by it.

use rustix::time::{ClockId, clock_gettime};

/// Seconds since 1970, UTC.
pub fn unix_seconds() -> u64 {
    u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or(0)
}
