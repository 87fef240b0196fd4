//! What is known of every drain that is under way, and of the last ones that are over: for operators to read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::coordinator::{Drain, DrainEnd, Progress, Report};
use super::order::Cause;

/// How many that are over are remembered.
const REMEMBERED: usize = 32;

/// The drains of the process.
#[derive(Debug, Default)]
pub struct Board {
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    last: u64,
    drains: Vec<DrainNote>,
}

/// What is known of one drain.
#[derive(Clone, Debug)]
pub struct DrainNote {
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
    pub progress: Progress,
    /// How it ended; `None` while it is under way.
    pub end: Option<DrainEnd>,
}

impl Board {
    /// Notes that `drain` begins, and returns its number.
    pub fn begin(&self, cause: Cause, scope: String, drain: &Drain) -> u64 {
        let mut notes = self.notes();
        notes.last += 1;
        let id = notes.last;
        let tunnels = drain.len();
        let progress = Progress { tunnels, left: tunnels, told: 0, closed: 0, cut: 0, ends_at: drain.ends_at() };
        let raised_to = drain.pace().raised_to();
        notes.drains.push(DrainNote { id, cause, scope, began: Instant::now(), raised_to, progress, end: None });
        let over = notes.drains.iter().filter(|note| note.end.is_some()).count();
        if over > REMEMBERED
            && let Some(oldest) = notes.drains.iter().position(|note| note.end.is_some())
        {
            notes.drains.remove(oldest);
        }
        id
    }

    /// Notes how far a drain has come.
    pub fn note_progress(&self, id: u64, progress: Progress) {
        if let Some(note) = self.notes().drains.iter_mut().find(|note| note.id == id) {
            note.progress = progress;
        }
    }

    /// Notes that a drain is over.
    pub fn note_end(&self, id: u64, report: Report) {
        if let Some(note) = self.notes().drains.iter_mut().find(|note| note.id == id) {
            note.end = Some(report.end);
        }
    }

    /// All of them, those that began first in front.
    pub fn all(&self) -> Vec<DrainNote> {
        self.notes().drains.clone()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        // A panic while they were held leaves at worst an old number behind.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::super::{Policy, Registry};
    use super::*;
    use crate::config::DrainWindow;
    use crate::websocket::CloseCode;

    #[tokio::test(start_paused = true)]
    async fn remembers_those_under_way_and_the_last_that_are_over() {
        let (board, registry) = (Board::default(), Registry::new(1));
        let window = DrainWindow { deadline: Duration::from_secs(2), spread: Duration::from_secs(1) };
        let policy = Policy {
            window,
            max_per_second: NonZeroU32::MIN,
            code: CloseCode::SERVICE_RESTART,
            reason: None,
            spread: super::super::Spread::Exact,
        };
        let drain = || Drain::begin(&registry, [], policy.order(Cause::Operator), &policy);
        let first = board.begin(Cause::Operator, "endpoint/chat/a".into(), &drain());
        for _ in 0..100 {
            let drain = drain();
            let id = board.begin(Cause::Reload, "what a reload took away".into(), &drain);
            let report = drain.run(pending(), |progress| board.note_progress(id, progress)).await;
            board.note_end(id, report);
        }
        let all = board.all();
        assert!(all.len() <= REMEMBERED + 2, "{} drains", all.len());
        assert_eq!((all[0].id, all[0].end), (first, None), "what is under way is never forgotten");
        assert_eq!(all.last().map(|note| (note.id, note.end)), Some((101, Some(DrainEnd::Complete))));
    }
}
