//! When it is time to look whether something has left.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When the next look is due, if one is. It stands whatever happens meanwhile: sources that speak all the time put it off no further.
#[derive(Debug, Default)]
pub(super) struct SweepTime(Option<Instant>);

impl SweepTime {
    /// A look is worth it `after` so long, or not at all; one that is due sooner stays so.
    pub(super) fn note_wanted(&mut self, after: Option<Duration>) {
        self.0 = after.map(|after| {
            let at = Instant::now() + after;
            self.0.map_or(at, |before| before.min(at))
        });
    }

    /// Waits until it is due.
    ///
    /// Cancel safe.
    pub(super) async fn come(&mut self) {
        match self.0 {
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
        self.0 = None;
    }
}
