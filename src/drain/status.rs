//! What is known of every drain that is under way, and of the last ones that are over: for operators to read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::policy::Cause;
use super::run::{Drain, DrainEnd, DrainProgress, DrainSummary};

/// How many that are over are remembered.
const REMEMBERED: usize = 32;

/// The drains of the process.
#[derive(Debug, Default)]
pub struct DrainStatuses {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    /// By number.
    drains: BTreeMap<u64, DrainEntry>,
    /// The numbers of those that are over, the one that ended first in front.
    over: VecDeque<u64>,
}

/// What is known of one drain.
#[derive(Clone, Debug)]
pub struct DrainEntry {
    /// Counts up over the life of the process.
    pub id: u64,
    /// Why it takes place.
    pub cause: Cause,
    /// What it is about, as an operator would name it.
    pub scope: String,
    /// When it began.
    pub began: Instant,
    /// The rate a second that its deadline forces, where it is above the configured cap.
    pub raised_to: Option<u32>,
    /// How far it has come.
    pub progress: DrainProgress,
    /// How it ended; `None` while it is under way.
    pub end: Option<DrainEnd>,
}

impl DrainStatuses {
    /// Notes that `drain` begins, and returns its number.
    pub fn begin(&self, cause: Cause, scope: String, drain: &Drain) -> u64 {
        let mut entries = self.entries();
        entries.last += 1;
        let id = entries.last;
        let tunnels = drain.len();
        let progress = DrainProgress { tunnels, left: tunnels, told: 0, closed: 0, cut: 0, ends_at: drain.ends_at() };
        let raised_to = drain.pace().raised_to();
        let entry = DrainEntry { id, cause, scope, began: Instant::now(), raised_to, progress, end: None };
        entries.drains.insert(id, entry);
        id
    }

    /// Notes how far a drain has come.
    pub fn note_progress(&self, id: u64, progress: DrainProgress) {
        if let Some(entry) = self.entries().drains.get_mut(&id) {
            entry.progress = progress;
        }
    }

    /// Notes that a drain is over.
    pub fn note_end(&self, id: u64, report: DrainSummary) {
        let mut entries = self.entries();
        let Some(entry) = entries.drains.get_mut(&id) else { return };
        entry.end = Some(report.end);
        entries.over.push_back(id);
        if entries.over.len() > REMEMBERED
            && let Some(first) = entries.over.pop_front()
        {
            entries.drains.remove(&first);
        }
    }

    /// All of them, those that began first in front.
    pub fn all(&self) -> Vec<DrainEntry> {
        self.entries().drains.values().cloned().collect()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A panic while they were held leaves at worst an old number behind.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::super::{DrainPolicy, Registry, TakeBack};
    use super::*;
    use crate::config::DrainWindow;
    use crate::websocket::CloseCode;

    #[tokio::test(start_paused = true)]
    async fn remembers_those_under_way_and_the_last_that_are_over() {
        let (statuses, registry) = (DrainStatuses::default(), Registry::new(1));
        let window = DrainWindow { deadline: Duration::from_secs(2), spread: Duration::from_secs(1) };
        let policy = DrainPolicy {
            window,
            max_per_second: NonZeroU32::MIN,
            code: CloseCode::SERVICE_RESTART,
            reason: None,
            spread: super::super::Spread::Exact,
        };
        let drain = || Drain::begin(&registry, [], policy.order(Cause::Operator), &policy);
        let first = statuses.begin(Cause::Operator, "endpoint/chat/a".into(), &drain());
        for _ in 0..100 {
            let drain = drain();
            let id = statuses.begin(Cause::Reload, "what a reload took away".into(), &drain);
            let report = drain.run(&TakeBack::default(), |progress| statuses.note_progress(id, progress)).await;
            statuses.note_end(id, report);
        }
        let all = statuses.all();
        assert!(all.len() <= REMEMBERED + 2, "{} drains", all.len());
        assert_eq!((all[0].id, all[0].end), (first, None), "what is under way is never forgotten");
        assert_eq!(all.last().map(|entry| (entry.id, entry.end)), Some((101, Some(DrainEnd::Complete))));
    }
}
