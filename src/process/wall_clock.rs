//! The time of day, for people and for what is dated, such as certificates: nothing waits by it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Seconds since 1970, UTC.
pub fn unix_seconds() -> u64 {
    unix_time().as_secs()
}

/// What has passed since 1970, UTC.
pub fn unix_time() -> Duration {
    let time = clock_gettime(ClockId::Realtime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Milliseconds since 1970, UTC.
pub fn unix_milliseconds() -> u64 {
    u64::try_from(unix_time().as_millis()).unwrap_or(u64::MAX)
}
