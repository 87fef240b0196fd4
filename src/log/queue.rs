//! Between those who log and the thread that writes: a bounded number of bytes, so that a reader who stands still costs memory
//! once, and nobody's time.
//!
//! Not `tracing-appender`: that is bounded in lines, of any length, and knows no line that is worth more than another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use tracing::Level;

use super::batch::Batch;
use super::missing::{ErrorKind, GivenUp, Missing};
use super::waiting::WaitingLines;

/// The lines that wait, and what else the thread that writes is told.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<QueueState>,
    /// Told when there is something to do.
    filled: Condvar,
    /// Told when everything is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    lines: WaitingLines,
    /// Since when lines are on their way out.
    writing_since: Option<Instant>,
    /// Whether what is written to is to be opened again.
    reopen: bool,
    /// Whether nobody logs here any more.
    closed: bool,
    /// Where the lines that were dropped are counted, once somebody does: under the lock, for whoever begins to count between the drop of
    /// a line and its count would count it twice.
    counter: Option<Counter>,
}

impl QueueState {
    fn count(&self, dropped: u64) {
        if let Some(counter) = &self.counter {
            counter.inc_by(dropped);
        }
    }
}

/// What the thread that writes is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Write the batch; an empty one, where it is only to be said that something is missing.
    Write,
    /// Open again what is written to.
    Reopen,
    /// What was waited for has come: the time is over.
    GoOn,
    /// Write no more: nobody logs here, and nothing waits.
    End,
}

impl Queue {
    /// Lets a line wait. Where there is no room it takes that of less urgent ones, the oldest first; else it is dropped, or summed with
    /// those of its `kind` where it is an error.
    pub(super) fn push(&self, level: Level, text: String, kind: impl FnOnce() -> ErrorKind) {
        let mut state = self.state();
        let dropped = state.lines.push(level, text, kind);
        state.count(dropped);
        drop(state);
        self.filled.notify_one();
    }

    /// Counts the lines that are dropped there, too: those so far and those to come.
    pub fn count_in(&self, counter: Counter) {
        let mut state = self.state();
        if state.counter.is_none() {
            state.counter = Some(counter);
            state.count(state.lines.dropped());
        }
    }

    /// Has what is written to opened again, before the next line.
    pub(super) fn reopen(&self) {
        self.state().reopen = true;
        self.filled.notify_one();
    }

    /// Nobody logs here any more: the thread ends with what waits, where that can be written.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// What waits finds no reader, and `batch`, which was taken, gets out no further. Where nobody logs here any more, all of it is
    /// given up: what there was. Else it is counted, and there is nobody to say it to.
    pub(super) fn lose(&self, batch: &Batch) -> Option<GivenUp> {
        let mut state = self.state();
        if !state.closed {
            let lost = batch.left().count() as u64;
            state.lines.note_lost(lost);
            state.count(lost);
            return None;
        }
        let mut given_up = state.lines.give_up();
        let waited = given_up.dropped;
        batch.left().for_each(|(urgency, line)| given_up.push(urgency, line.to_owned()));
        state.lines.note_dropped(given_up.dropped - waited);
        state.count(given_up.dropped);
        state.writing_since = None;
        self.emptied.notify_all();
        Some(given_up)
    }

    /// A line that was taken is dropped; that is said by whoever took it.
    pub(super) fn note_dropped(&self) {
        let mut state = self.state();
        state.lines.note_dropped(1);
        state.count(1);
    }

    /// Waits until everything is written, but not for longer than that; whether it is. A reader who stands still already has
    /// had a part of that time.
    pub fn flush(&self, within: Duration) -> bool {
        let is_full = |state: &mut QueueState| {
            state.writing_since.is_some() || state.reopen || !state.lines.is_empty() || state.lines.has_unsaid()
        };
        let state = self.state();
        let within = state.writing_since.map_or(within, |since| within.saturating_sub(since.elapsed()));
        let waited = self.emptied.wait_timeout_while(state, within, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits for something to do, but no longer than that; where it is lines, takes the oldest, as many as a pipe takes whole.
    pub(super) fn take(&self, batch: &mut Batch, at_most: Option<Duration>) -> Task {
        batch.clear();
        let is_idle = |state: &mut QueueState| {
            state.lines.is_empty() && !state.lines.has_unsaid() && !state.reopen && !state.closed
        };
        let mut state = match at_most {
            None => self.filled.wait_while(self.state(), is_idle).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                self.filled.wait_timeout_while(self.state(), time, is_idle).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if std::mem::take(&mut state.reopen) {
            // Where that fails, there is something to say.
            state.writing_since = Some(Instant::now());
            return Task::Reopen;
        }
        if state.lines.is_empty() && !state.lines.has_unsaid() {
            return if state.closed { Task::End } else { Task::GoOn };
        }
        state.lines.take(batch);
        state.writing_since = Some(Instant::now());
        Task::Write
    }

    /// Waits before the next try to write, no longer than that.
    pub(super) fn pause(&self, time: Duration) -> Task {
        let goes_on = |state: &mut QueueState| !state.reopen && !state.closed;
        let waited = self.filled.wait_timeout_while(self.state(), time, goes_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        match () {
            () if std::mem::take(&mut state.reopen) => Task::Reopen,
            () if state.closed => Task::End,
            () => Task::GoOn,
        }
    }

    /// Whether there is room for what can wait elsewhere, too.
    pub(super) fn has_room(&self) -> bool {
        self.state().lines.has_room()
    }

    /// What did not get out, if that is to be said now.
    pub(super) fn take_missing(&self) -> Option<Missing> {
        self.state().lines.take_missing()
    }

    /// What was taken is written, or lost, and everything about it is said.
    pub(super) fn note_done(&self) {
        let mut state = self.state();
        state.writing_since = None;
        if state.lines.is_empty() {
            self.emptied.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // A panic while it was held would leave a line too many or too few.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn push(queue: &Queue, length: usize) {
        let mut line = " ".repeat(length) + "\n";
        // Not more room than it needs: that is what is counted.
        line.shrink_to_fit();
        queue.push(Level::INFO, line, || unreachable!("it is no error"));
    }

    #[test]
    fn what_was_dropped_is_said_once_it_flows_and_counted_from_the_first() {
        let (queue, counter) = (Queue::default(), Counter::default());
        for _ in 0..3 {
            push(&queue, (2 << 20) + 1);
        }
        queue.count_in(counter.clone());
        push(&queue, 4 << 20);
        assert_eq!(counter.get(), 3);
        assert!(!queue.flush(Duration::ZERO));

        let mut batch = Batch::default();
        assert_eq!(queue.take(&mut batch, None), Task::Write);
        assert_eq!(queue.take_missing(), Some(Missing { dropped: 3, summed: Vec::new() }));
        assert!(!queue.flush(Duration::ZERO), "it is to be said first");
        assert_eq!(queue.take_missing(), None);
        queue.note_done();
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn a_line_that_is_dropped_while_somebody_begins_to_count_is_counted_once() {
        for _ in 0..200 {
            let (queue, counter, is_counting) = (Queue::default(), Counter::default(), AtomicBool::new(false));
            let dropped = thread::scope(|scope| {
                let dropping = scope.spawn(|| {
                    let mut lines = 0;
                    while !is_counting.load(Ordering::Relaxed) {
                        queue.note_dropped();
                        lines += 1;
                    }
                    lines
                });
                while queue.state().lines.dropped() == 0 {
                    thread::yield_now();
                }
                queue.count_in(counter.clone());
                is_counting.store(true, Ordering::Relaxed);
                dropping.join().unwrap()
            });
            assert_eq!(counter.get(), dropped);
        }
    }

    #[test]
    fn a_reader_who_stands_still_already_is_not_waited_for() {
        let queue = Queue::default();
        push(&queue, 1);
        queue.take(&mut Batch::default(), None);
        let hours = Duration::from_secs(3 * 3600);
        queue.state().writing_since = Instant::now().checked_sub(hours);

        assert!(queue.state().writing_since.is_some());
        assert!(!queue.flush(hours), "within hours, if at all");
    }

    #[test]
    fn what_cannot_be_written_is_dropped_and_nobody_waits_for_it() {
        let (queue, counter) = (Queue::default(), Counter::default());
        queue.count_in(counter.clone());
        push(&queue, 1);
        push(&queue, 1);
        let mut batch = Batch::default();
        queue.take(&mut batch, None);

        batch.advance(2);
        assert_eq!(queue.lose(&batch), None);
        queue.note_done();
        assert_eq!((counter.get(), queue.take_missing()), (1, None), "the first was whole");
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn what_is_to_be_opened_again_is_opened_before_the_next_line() {
        let queue = Queue::default();
        push(&queue, 1);
        queue.reopen();
        let mut batch = Batch::default();
        assert_eq!(queue.take(&mut batch, None), Task::Reopen);
        assert_eq!(queue.take(&mut batch, None), Task::Write);
        assert_eq!(queue.take(&mut batch, Some(Duration::ZERO)), Task::GoOn);
        queue.reopen();
        assert_eq!(queue.pause(Duration::from_secs(3600)), Task::Reopen);
        queue.close();
        assert_eq!(queue.pause(Duration::from_secs(3600)), Task::End);
        push(&queue, 1);
        assert_eq!(queue.take(&mut batch, None), Task::Write, "what came last is written still");
        assert_eq!(queue.take(&mut batch, None), Task::End);
    }
}
