//! The lines that wait, in bytes: which of them make room for others, and what of those remains that found none.
//!
//! Invariants: no more than [`MOST`] bytes wait. An error takes the room of whatever is none; where all of it is errors, the next are
//! summed, one sum for each place of the program that says them, so none is without a trace and the sums are as bounded as the program.

use std::collections::{BTreeMap, VecDeque};

use tracing::Level;

use super::batch::Batch;
use super::missing::{ErrorKind, GivenUp, Missing, SummedErrors, Urgency};

/// Lines that wait, and what is to be said of those that do not.
#[derive(Debug, Default)]
pub(super) struct WaitingLines {
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
    /// Errors that found no room, by the place that says them.
    sums: BTreeMap<&'static str, SummedErrors>,
}

#[derive(Debug)]
struct QueuedLine {
    number: u64,
    text: String,
}

impl WaitingLines {
    /// Lets a line wait, or sums it. Returns how many lines were dropped for it, itself counted in.
    pub(super) fn push(&mut self, level: Level, text: String, kind: impl FnOnce() -> ErrorKind) -> u64 {
        let (lane, needed, mut dropped) = (lane(level), cost(&text), 0);
        while self.bytes + needed > MOST {
            let Some(evicted) = self.lanes.iter_mut().skip(lane + 1).rev().find_map(VecDeque::pop_front) else {
                match level {
                    Level::ERROR => self.sum(kind()),
                    _ => dropped += 1,
                }
                self.dropped += dropped;
                return dropped;
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

    fn sum(&mut self, ErrorKind { place, message, times }: ErrorKind) {
        let short = || message.split_at(message.floor_char_boundary(LONGEST_SUMMED)).0.to_owned();
        self.sums.entry(place).or_insert_with(|| SummedErrors { message: short(), times: 0 }).times += times;
    }

    /// Adds the oldest lines to a batch, as long as they fit into a piece, but one at the least.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        while let Some((urgency, line)) =
            self.take_oldest(|line| batch.is_empty() || batch.length() + line.text.len() <= WHOLE)
        {
            batch.push(urgency, &line.text);
        }
    }

    /// The oldest line of all, if it `fits`.
    fn take_oldest(&mut self, fits: impl Fn(&QueuedLine) -> bool) -> Option<(Urgency, QueuedLine)> {
        let lanes = self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.is_empty());
        let (at, lane) = lanes.min_by_key(|(_, lane)| lane.front().map(|it| it.number))?;
        let line = lane.pop_front_if(|line| fits(line))?;
        self.bytes -= cost(&line.text);
        Some((urgency(at), line))
    }

    /// So many lines that were taken are dropped; that is said by whoever took them.
    pub(super) fn note_dropped(&mut self, lines: u64) {
        self.dropped += lines;
        self.said += lines;
    }

    /// So many lines were taken, and nothing can be written any more: nothing can be said either.
    pub(super) fn note_lost(&mut self, lines: u64) {
        self.dropped += lines;
        self.said = self.dropped;
        self.sums.clear();
    }

    /// All that wait are given up, and what is to be said of others with them.
    pub(super) fn give_up(&mut self) -> GivenUp {
        let mut given_up = GivenUp { before: self.all_missing(), ..GivenUp::default() };
        while let Some((urgency, line)) = self.take_oldest(|_| true) {
            given_up.push(urgency, line.text);
        }
        self.note_dropped(given_up.dropped);
        given_up
    }

    /// What did not get out and is to be said now; in the middle of a storm it would only take room.
    pub(super) fn take_missing(&mut self) -> Option<Missing> {
        if !self.has_unsaid() || !self.has_room() {
            return None;
        }
        Some(self.all_missing())
    }

    fn all_missing(&mut self) -> Missing {
        let dropped = self.dropped - self.said;
        self.said = self.dropped;
        Missing { dropped, summed: std::mem::take(&mut self.sums).into_values().collect() }
    }

    /// How many lines were dropped, ever.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether half of the room is free.
    pub(super) fn has_room(&self) -> bool {
        self.bytes <= MOST / 2
    }

    /// Whether no line waits.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether something did not get out that is still to be said.
    pub(super) fn has_unsaid(&self) -> bool {
        self.dropped > self.said || !self.sums.is_empty()
    }
}

fn lane(level: Level) -> usize {
    match level {
        Level::ERROR => 0,
        Level::WARN => 1,
        _ => 2,
    }
}

/// That of the lines of a lane.
fn urgency(lane: usize) -> Urgency {
    if lane == 0 { Urgency::Error } else { Urgency::Less }
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

/// What is kept of the message of errors that are summed, in bytes.
const LONGEST_SUMMED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, length: usize) -> String {
        // Not more room than it needs: that is what is counted.
        let mut line = String::with_capacity(text.len() + length + 1);
        line.extend([text, &" ".repeat(length), "\n"]);
        line
    }

    fn push(waiting: &mut WaitingLines, level: Level, text: &str, length: usize) -> u64 {
        let kind = || ErrorKind::one("here", text.to_owned());
        waiting.push(level, line(text, length), kind)
    }

    fn drained(waiting: &mut WaitingLines) -> Vec<String> {
        let mut lines = Vec::new();
        while !waiting.is_empty() {
            let mut batch = Batch::default();
            waiting.take(&mut batch);
            lines.extend(batch.left().map(|(_, line)| line.trim_end().to_owned()));
        }
        lines
    }

    #[test]
    fn lines_come_out_in_the_order_they_came_in() {
        let mut waiting = WaitingLines::default();
        for (level, text) in [(Level::INFO, "a"), (Level::ERROR, "b"), (Level::WARN, "c"), (Level::INFO, "d")] {
            push(&mut waiting, level, text, 0);
        }
        assert_eq!(drained(&mut waiting), ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_is_urgent_takes_the_room_of_what_is_not() {
        let mut waiting = WaitingLines::default();
        let each = 100_000;
        for number in 0..1000 {
            push(&mut waiting, Level::INFO, &format!("info {number}"), each);
        }
        let infos = waiting.last;
        assert!(waiting.bytes <= MOST && infos > 30, "{infos}");
        for number in 0..5 {
            push(&mut waiting, Level::WARN, &format!("warn {number}"), each);
        }
        for number in 0..infos {
            push(&mut waiting, Level::ERROR, &format!("error {number}"), each);
        }
        push(&mut waiting, Level::WARN, "late", each);
        push(&mut waiting, Level::INFO, "later", each);

        assert!(waiting.bytes <= MOST);
        let dropped = waiting.dropped;
        let lines = drained(&mut waiting);
        assert_eq!(lines.len() as u64, infos);
        assert!(lines.iter().all(|line| line.starts_with("error ")), "{lines:?}");
        assert_eq!(dropped, 1000 - infos + infos + 5 + 2);
    }

    #[test]
    fn an_error_that_finds_no_room_is_summed_and_never_dropped() {
        let mut waiting = WaitingLines::default();
        let mut written = 0;
        for number in 0..100_u64 {
            let place = if number % 2 == 0 { "even" } else { "odd" };
            let kind = || ErrorKind::one(place, format!("error {number}{}", "€".repeat(1000)));
            waiting.push(Level::ERROR, line("e", 100_000), kind);
            written = waiting.last;
        }
        assert_eq!((waiting.dropped, waiting.take_missing()), (0, None), "it is said when there is room");
        assert_eq!(drained(&mut waiting).len() as u64, written);

        let missing = waiting.take_missing().unwrap();
        assert_eq!(missing.dropped, 0);
        assert_eq!(missing.summed.len(), 2);
        assert_eq!(missing.summed.iter().map(|sum| sum.times).sum::<u64>(), 100 - written);
        assert!(
            missing.summed.iter().all(|sum| sum.message.starts_with("error ") && sum.message.len() <= LONGEST_SUMMED)
        );
        assert!(!waiting.has_unsaid());
    }

    #[test]
    fn a_piece_is_what_a_pipe_takes_whole_or_one_long_line() {
        let mut waiting = WaitingLines::default();
        for length in [10, WHOLE, 2000, 2000, 2000] {
            push(&mut waiting, Level::INFO, "x", length);
        }
        let mut lengths = Vec::new();
        while !waiting.is_empty() {
            let mut batch = Batch::default();
            waiting.take(&mut batch);
            lengths.push(batch.length());
        }
        assert_eq!(lengths, [12, WHOLE + 2, 4004, 2002]);
    }

    #[test]
    fn what_is_given_up_is_all_of_it_with_what_was_not_said_before() {
        let mut waiting = WaitingLines::default();
        while push(&mut waiting, Level::INFO, "an info", 100_000) == 0 {}
        for _ in 0..200 {
            push(&mut waiting, Level::ERROR, "an error", 100_000);
        }
        let errors = waiting.lanes[0].len();
        assert!(errors < 200 && waiting.dropped > 1, "{errors}");
        let dropped = waiting.dropped;
        waiting.take(&mut Batch::default());
        push(&mut waiting, Level::INFO, "it has room", 0);

        let given_up = waiting.give_up();
        let summed = vec![SummedErrors { message: "an error".into(), times: 200 - errors as u64 }];
        assert_eq!((given_up.dropped, given_up.before), (1, Missing { dropped, summed }));
        assert_eq!(given_up.errors.len(), errors - 1);
        assert!(given_up.errors.iter().all(|line| line.starts_with("an error ")));
        assert!(waiting.is_empty() && !waiting.has_unsaid());
        assert_eq!(waiting.dropped, dropped + 1);
    }
}
