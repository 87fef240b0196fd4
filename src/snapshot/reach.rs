//! Whether an endpoint can be reached: what is said of it when that changes, and now and then while it cannot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often it is said of an endpoint that it cannot be reached: a human pace, also for one that comes and goes.
const SAY: Duration = Duration::from_secs(10);

/// Whether an endpoint can be reached, as the connects of requests found out.
#[derive(Debug, Default)]
pub struct Reach {
    /// Some connect has failed since the last that did not: the only thing that one looks at that goes well.
    is_lost: AtomicBool,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    /// Since when no connect went well.
    since: Option<Instant>,
    /// Connects that failed since then.
    failed: u64,
    /// Connects that failed and were not said yet, by this outage or those before.
    unsaid: u64,
    /// Whether this outage was said.
    is_said: bool,
    said: Option<Instant>,
}

/// What is to be said of connects that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// How many failed: since it was said last, or over the whole outage where that is over.
    pub failed: u64,
    /// How long it has lasted.
    pub lasted: Duration,
}

impl Reach {
    /// A connect has failed; what is to be said, if it is time.
    pub fn note_failed(&self, now: Instant) -> Option<Outage> {
        let mut trouble = self.trouble();
        self.is_lost.store(true, Ordering::Relaxed);
        trouble.failed += 1;
        trouble.unsaid += 1;
        let since = *trouble.since.get_or_insert(now);
        if trouble.said.is_some_and(|said| now < said + SAY) {
            return None;
        }
        trouble.said = Some(now);
        trouble.is_said = true;
        Some(Outage { failed: std::mem::take(&mut trouble.unsaid), lasted: now.saturating_duration_since(since) })
    }

    /// A connect went well; what is to be said, if this is the end of an outage that was said.
    pub fn note_reached(&self, now: Instant) -> Option<Outage> {
        if !self.is_lost.load(Ordering::Relaxed) {
            return None;
        }
        let mut trouble = self.trouble();
        self.is_lost.store(false, Ordering::Relaxed);
        let lasted = now.saturating_duration_since(trouble.since.take()?);
        let failed = std::mem::take(&mut trouble.failed);
        std::mem::take(&mut trouble.is_said).then(|| {
            trouble.unsaid = 0;
            Outage { failed, lasted }
        })
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        // A panic while it was held leaves a line too many or too few.
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_said_when_it_begins_now_and_then_and_when_it_ends() {
        let (reach, start) = (Reach::default(), Instant::now());
        assert_eq!(reach.note_reached(start), None);
        let said: Vec<_> = (0..250).filter_map(|tenth| reach.note_failed(start + tenth * SECOND / 10)).collect();
        let outage = |failed, seconds| Outage { failed, lasted: seconds * SECOND };
        assert_eq!(said, [outage(1, 0), outage(100, 10), outage(100, 20)]);
        assert_eq!(reach.note_reached(start + 30 * SECOND), Some(outage(250, 30)));
        assert_eq!(reach.note_reached(start + 31 * SECOND), None);
        assert_eq!(reach.note_failed(start + 32 * SECOND), Some(outage(1, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_comes_and_goes_does_not_fill_the_log() {
        let (reach, start) = (Reach::default(), Instant::now());
        let (mut said, mut failed) = (0, 0);
        for tenth in 0..1000 {
            let now = start + tenth * SECOND / 10;
            let outage = if tenth % 2 == 0 { reach.note_failed(now) } else { reach.note_reached(now) };
            said += u32::from(outage.is_some());
            failed += outage.filter(|_| tenth % 2 == 0).map_or(0, |outage| outage.failed);
        }
        assert!(said <= 20, "{said}");
        assert!((440..=500).contains(&failed), "what was not said at once is said later: {failed}");
    }
}
