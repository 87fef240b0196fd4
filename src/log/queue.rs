//! The lines that wait to be written: bounded in bytes, so that a reader who stands still costs memory once, and nobody's time.
//!
//! Not `tracing-appender`: that is bounded in lines, of any length, and knows no line that is worth more than another.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use tracing::Level;

/// The lines that wait.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<QueueState>,
    /// Told when there is something to write.
    filled: Condvar,
    /// Told when everything is written.
    emptied: Condvar,
    /// Where the lines that were dropped are counted, once somebody does.
    counter: OnceLock<Counter>,
}

#[derive(Debug, Default)]
struct QueueState {
    /// The most urgent first.
    lanes: [VecDeque<QueuedLine>; LANES],
    /// What they take, in bytes.
    bytes: usize,
    /// The number of the last line.
    last: u64,
    /// Lines that were dropped, ever.
    dropped: u64,
    /// How many of them were said.
    said: u64,
    /// Since when lines are on their way out.
    writing_since: Option<Instant>,
}

#[derive(Debug)]
struct QueuedLine {
    number: u64,
    text: String,
}

/// Lines that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) text: String,
    lines: u64,
}

impl Queue {
    /// Lets a line wait. Where there is no room it takes that of less urgent ones, the oldest first; else it is dropped.
    pub(super) fn push(&self, level: Level, text: String) {
        let mut state = self.state();
        // Under the lock: whoever begins to count in between would count them twice.
        self.count(state.push(lane(level), text));
        drop(state);
        self.filled.notify_one();
    }

    /// Counts the lines that are dropped there, too: those so far and those to come.
    pub fn count_in(&self, counter: Counter) {
        let state = self.state();
        if self.counter.set(counter).is_ok() {
            self.count(state.dropped);
        }
    }

    /// Waits until everything is written, but not for longer than that; whether it is. A reader who stands still already has
    /// had a part of that time.
    pub fn flush(&self, within: Duration) -> bool {
        let is_full =
            |state: &mut QueueState| state.writing_since.is_some() || state.bytes > 0 || state.dropped > state.said;
        let state = self.state();
        let within = state.writing_since.map_or(within, |since| within.saturating_sub(since.elapsed()));
        let waited = self.emptied.wait_timeout_while(state, within, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits for lines, and takes the oldest of them, as many as a pipe takes whole; none, where it is only to be said that
    /// some were dropped.
    pub(super) fn take(&self, batch: &mut Batch) {
        batch.text.clear();
        batch.lines = 0;
        let is_idle = |state: &mut QueueState| state.bytes == 0 && state.dropped == state.said;
        let mut state = self.filled.wait_while(self.state(), is_idle).unwrap_or_else(PoisonError::into_inner);
        while let Some(line) = state.take_oldest(|line| batch.lines == 0 || batch.text.len() + line.text.len() <= WHOLE)
        {
            batch.text.push_str(&line.text);
            batch.lines += 1;
        }
        state.writing_since = Some(Instant::now());
    }

    /// The batch is written, or lost. Returns how many lines were dropped, if that is to be said now, and waits to be told
    /// once more then.
    pub(super) fn note_written(&self, batch: &Batch, written: BatchOutcome) -> Option<u64> {
        let mut state = self.state();
        if written == BatchOutcome::Lost {
            state.dropped += batch.lines;
            self.count(batch.lines);
            // Where nothing can be written, nothing can be said; and nobody waits for it.
            state.said = state.dropped;
        }
        let unsaid = state.dropped - state.said;
        // In the middle of a storm it would only take room.
        if unsaid > 0 && state.bytes <= MOST / 2 {
            state.said = state.dropped;
            return Some(unsaid);
        }
        state.writing_since = None;
        if state.bytes == 0 {
            self.emptied.notify_all();
        }
        None
    }

    fn count(&self, dropped: u64) {
        if let Some(counter) = self.counter.get() {
            counter.inc_by(dropped);
        }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // A panic while it was held would leave a line too many or too few.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchOutcome {
    Whole,
    Lost,
}

impl QueueState {
    /// Returns how many lines were dropped for it, itself counted in.
    fn push(&mut self, lane: usize, text: String) -> u64 {
        let mut dropped = 0;
        let needed = cost(&text);
        while self.bytes + needed > MOST {
            let Some(evicted) = self.lanes.iter_mut().skip(lane + 1).rev().find_map(VecDeque::pop_front) else {
                self.dropped += dropped + 1;
                return dropped + 1;
            };
            self.bytes -= cost(&evicted.text);
            dropped += 1;
        }
        self.dropped += dropped;
        self.last += 1;
        let number = self.last;
        if let Some(lane) = self.lanes.get_mut(lane) {
            self.bytes += needed;
            lane.push_back(QueuedLine { number, text });
        }
        dropped
    }

    /// The oldest line of all, if it `fits`.
    fn take_oldest(&mut self, fits: impl Fn(&QueuedLine) -> bool) -> Option<QueuedLine> {
        let lane = self
            .lanes
            .iter_mut()
            .filter(|lane| !lane.is_empty())
            .min_by_key(|lane| lane.front().map(|it| it.number))?;
        let line = lane.pop_front_if(|line| fits(line))?;
        self.bytes -= cost(&line.text);
        Some(line)
    }
}

fn lane(level: Level) -> usize {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        _ => 2,
    }
}

/// What a line that waits takes, in bytes.
fn cost(text: &String) -> usize {
    text.capacity() + size_of::<QueuedLine>()
}

const LANES: usize = 3;

/// What all lines together may take, in bytes.
const MOST: usize = 4 << 20;

/// What a pipe takes in one piece, in bytes (`PIPE_BUF`): the lines of two processes on one pipe do not break each other.
const WHOLE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, length: usize) -> String {
        // Not more room than it needs: that is what is counted.
        let mut line = String::with_capacity(text.len() + length + 1);
        line.extend([text, &" ".repeat(length), "\n"]);
        line
    }

    fn waiting(queue: &Queue) -> Vec<String> {
        let mut lines = Vec::new();
        while queue.state().bytes > 0 {
            let mut batch = Batch::default();
            queue.take(&mut batch);
            lines.extend(batch.text.lines().map(|line| line.trim_end().to_owned()));
            queue.note_written(&batch, BatchOutcome::Whole);
        }
        lines
    }

    #[test]
    fn lines_come_out_in_the_order_they_came_in() {
        let queue = Queue::default();
        for (level, text) in [(Level::INFO, "a"), (Level::ERROR, "b"), (Level::WARN, "c"), (Level::INFO, "d")] {
            queue.push(level, line(text, 0));
        }
        assert_eq!(waiting(&queue), ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_is_urgent_takes_the_room_of_what_is_not() {
        let queue = Queue::default();
        let each = 100_000;
        for number in 0..1000 {
            queue.push(Level::INFO, line(&format!("info {number}"), each));
        }
        let infos = queue.state().last;
        assert!(queue.state().bytes <= MOST && infos > 30, "{infos}");
        for number in 0..5 {
            queue.push(Level::WARN, line(&format!("warn {number}"), each));
        }
        for number in 0..infos {
            queue.push(Level::ERROR, line(&format!("error {number}"), each));
        }
        queue.push(Level::WARN, line("late", each));
        queue.push(Level::INFO, line("later", each));

        assert!(queue.state().bytes <= MOST);
        let dropped = queue.state().dropped;
        let lines = waiting(&queue);
        assert_eq!(lines.len() as u64, infos);
        assert!(lines.iter().all(|line| line.starts_with("error ")), "{lines:?}");
        assert_eq!(dropped, 1000 - infos + infos + 5 + 2);
    }

    #[test]
    fn what_was_dropped_is_said_once_it_flows_and_counted_from_the_first() {
        let (queue, counter) = (Queue::default(), Counter::default());
        for _ in 0..3 {
            queue.push(Level::INFO, line("long", MOST / 2 + 1));
        }
        queue.count_in(counter.clone());
        queue.push(Level::INFO, line("long", MOST));
        assert_eq!(counter.get(), 3);
        assert!(!queue.flush(Duration::ZERO));

        let mut batch = Batch::default();
        queue.take(&mut batch);
        assert_eq!(queue.note_written(&batch, BatchOutcome::Whole), Some(3));
        assert!(!queue.flush(Duration::ZERO), "it is to be said first");
        assert_eq!(queue.note_written(&batch, BatchOutcome::Whole), None);
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn a_reader_who_stands_still_already_is_not_waited_for() {
        let queue = Queue::default();
        queue.push(Level::INFO, line("a", 0));
        queue.take(&mut Batch::default());
        let hours = Duration::from_secs(3 * 3600);
        queue.state().writing_since = Instant::now().checked_sub(hours);

        assert!(queue.state().writing_since.is_some());
        assert!(!queue.flush(hours), "within hours, if at all");
    }

    #[test]
    fn what_cannot_be_written_is_dropped_and_nobody_waits_for_it() {
        let (queue, counter) = (Queue::default(), Counter::default());
        queue.count_in(counter.clone());
        queue.push(Level::INFO, line("a", 0));
        queue.push(Level::INFO, line("b", 0));
        let mut batch = Batch::default();
        queue.take(&mut batch);

        assert_eq!(queue.note_written(&batch, BatchOutcome::Lost), None);
        assert_eq!(counter.get(), 2);
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn a_batch_is_what_a_pipe_takes_whole_or_one_long_line() {
        let queue = Queue::default();
        for length in [10, WHOLE, 2000, 2000, 2000] {
            queue.push(Level::INFO, line("x", length));
        }
        let mut lengths = Vec::new();
        while queue.state().bytes > 0 {
            let mut batch = Batch::default();
            queue.take(&mut batch);
            lengths.push(batch.text.len());
        }
        assert_eq!(lengths, [12, WHOLE + 2, 4004, 2002]);
    }
}
