//! Whether a side still takes what was written to it: what the kernel tells of it, set against a timer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::process::Delivery;

/// A clock that waits for a side, and is set back by all that its kernel takes meanwhile.
///
/// "Nothing came of it" is not "nothing happens": megabytes fit into the two kernels' buffers, and a slow side takes
/// them for minutes before it comes to what we wait for. The kernel tells how much it took, not when; so it is asked
/// several times within a timeout, and what waits ends at most one [`step`] late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryTimer {
    since: Instant,
    taken: Taken,
}

/// How many bytes the side's kernel had taken when that was last looked at; 0 before the first look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken(u64);

impl DeliveryTimer {
    /// A clock that starts `now`, for a side whose kernel has got so far.
    pub fn new(delivery: Option<Delivery>, now: Instant) -> Self {
        Self { since: now, taken: Taken(delivery.map_or(0, |delivery| delivery.acked)) }
    }

    /// One that has waited since then, for a side whose kernel had got so far when that was last looked at.
    pub fn since_then(since: Instant, taken: Taken) -> Self {
        Self { since, taken }
    }

    /// How far the side's kernel had got when that was last looked at.
    pub fn taken(&self) -> Taken {
        self.taken
    }

    /// Starts over.
    pub fn restart(&mut self, now: Instant) {
        self.since = now;
    }

    /// Since when it waits.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// When the kernel is to be asked next, by one who waits for `timeout`; always after `now`.
    pub fn next_look(&self, timeout: Duration, now: Instant) -> Instant {
        let step = step(timeout);
        let waited = now.saturating_duration_since(self.since);
        let looks = waited.as_nanos().checked_div(step.as_nanos()).map_or(1, |looks| looks.saturating_add(1));
        let next = self.since + step.saturating_mul(u32::try_from(looks).unwrap_or(u32::MAX));
        let end = self.since + timeout;
        if now < end { next.min(end) } else { next }
    }

    /// Asks the side's kernel, if it is time to, and is set back by what that took. Says whether it has waited for `timeout` and
    /// nothing was taken in all that time.
    pub fn poll_expired(
        &mut self,
        timeout: Duration,
        delivery: impl FnOnce() -> Option<Delivery>,
        now: Instant,
    ) -> bool {
        if now < self.since + step(timeout) {
            return false;
        }
        if let Some(taken) = delivery().and_then(|delivery| self.taken.look(&delivery, now)) {
            self.since = self.since.max(taken);
        }
        now >= self.since + timeout
    }
}

/// How often a kernel is asked for one who waits for `timeout`: each look may put its end off by so much.
pub fn step(timeout: Duration) -> Duration {
    const LOOKS: u32 = 16;
    const SHORTEST: Duration = Duration::from_millis(50);
    (timeout / LOOKS).max(SHORTEST).min(timeout)
}

impl Taken {
    /// When the side's kernel last took something of what was written; `None` if it took nothing since the last look: the
    /// cable is pulled, or nobody reads. While bytes are on their way the last acknowledgement says little: it may answer a
    /// probe of a closed window. A first look has nothing else to go by.
    pub fn look(&mut self, delivery: &Delivery, now: Instant) -> Option<Instant> {
        let before = std::mem::replace(&mut self.0, delivery.acked);
        match (delivery.outstanding, delivery.acked > before) {
            (_, false) => None,
            (true, true) if before > 0 => Some(now),
            (_, true) => now.checked_sub(delivery.since_ack),
        }
    }
}
