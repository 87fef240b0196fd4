//! A good answer, as the book of rechecks has it.

use std::time::Duration;

use tokio::time::Instant;

/// A good answer.
#[derive(Clone, Copy, Debug)]
pub struct Good {
    /// When it came.
    pub at: Instant,
    /// Until when it is good; `None`: it did not say.
    pub until: Option<Instant>,
}

impl Good {
    /// An answer that came at `at`, when it was `now` since 1970, and is good until the second `until` since then.
    pub fn new(at: Instant, until: Option<u64>, now: Duration) -> Self {
        let left = |until: u64| Duration::from_secs(until).saturating_sub(now).min(LONGEST);
        Self { at, until: until.map(|until| at + left(until)) }
    }
}

/// Longer than any process lives.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
