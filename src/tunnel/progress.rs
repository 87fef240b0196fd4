//! Whether a side still takes what was written to it: what the kernel tells of it, set against a timer.

use std::time::Duration;

use tokio::time::Instant;

use crate::process::Delivery;

/// A clock that waits for a side, and is set back by all that its kernel takes meanwhile.
///
/// "Nothing came of it" is not "nothing happens": megabytes fit into the two kernels' buffers, and a slow side takes
/// them for minutes before it comes to what we wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    since: Instant,
    /// How many bytes the side's kernel had taken when that was last looked at.
    acked: u64,
}

impl Progress {
    /// A clock that starts `now`.
    pub(super) fn new(delivery: Option<Delivery>, now: Instant) -> Self {
        Self { since: now, acked: delivery.map_or(0, |delivery| delivery.acked) }
    }

    /// Starts over.
    pub(super) fn restart(&mut self, now: Instant) {
        self.since = now;
    }

    /// Since when it waits.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Whether it has waited for `timeout` and the side's kernel took nothing in all that time.
    pub(super) fn is_missing_for(
        &mut self,
        timeout: Duration,
        delivery: impl FnOnce() -> Option<Delivery>,
        now: Instant,
    ) -> bool {
        if now < self.since + timeout {
            return false;
        }
        if let Some(delivery) = delivery() {
            if let Some(taken) = self.last_taken(&delivery, now) {
                self.since = self.since.max(taken);
            }
            self.acked = delivery.acked;
        }
        now >= self.since + timeout
    }

    /// When the side's kernel last took something of what was written; `None` if it takes nothing: the cable is pulled, or
    /// nobody reads. While bytes are on their way the last acknowledgement says little: it may answer a probe of a
    /// closed window.
    fn last_taken(&self, delivery: &Delivery, now: Instant) -> Option<Instant> {
        match (delivery.outstanding, delivery.acked > self.acked) {
            (true, true) => Some(now),
            (true, false) => None,
            (false, true) => now.checked_sub(delivery.since_ack),
            (false, false) => None,
        }
    }
}
