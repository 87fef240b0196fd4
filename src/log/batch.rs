//! Lines that are written together, and how far that has come: which of them are whole, and which are not.

use super::missing::Urgency;
use crate::ranges::{text_within, within};

/// Lines that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    /// In their order.
    lines: Vec<BatchLine>,
    /// How many of them are done with: written, or refused.
    done: usize,
    /// How much of the text is done with, in bytes.
    written: usize,
}

#[derive(Clone, Copy, Debug)]
struct BatchLine {
    begin: usize,
    end: usize,
    urgency: Urgency,
}

impl Batch {
    /// One line alone.
    pub(super) fn of(line: &str) -> Self {
        let mut batch = Self::default();
        batch.push(Urgency::Less, line);
        batch
    }

    /// Adds a line.
    pub(super) fn push(&mut self, urgency: Urgency, line: &str) {
        let begin = self.text.len();
        self.text.push_str(line);
        self.lines.push(BatchLine { begin, end: self.text.len(), urgency });
    }

    /// Begins another.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
        (self.done, self.written) = (0, 0);
    }

    /// So many bytes more are written.
    pub(super) fn advance(&mut self, count: usize) {
        self.written = self.text.len().min(self.written + count);
        while self.at_hand().is_some_and(|line| line.end <= self.written) {
            self.done += 1;
        }
    }

    /// What is written of the line at hand counts for nothing: it stands where the rest of it does not go.
    pub(super) fn begin_line_again(&mut self) {
        self.written = self.at_hand().map_or(self.written, |line| line.begin);
    }

    /// The line at hand is not to be written at all; which one that is.
    pub(super) fn skip_line(&mut self) -> Option<(Urgency, &str)> {
        let BatchLine { begin, end, urgency } = self.at_hand()?;
        self.advance(end.saturating_sub(self.written));
        Some((urgency, text_within(&self.text, begin..end)))
    }

    /// What is to be written still.
    pub(super) fn rest(&self) -> &[u8] {
        within(self.text.as_bytes(), self.written..)
    }

    /// The lines that are not whole.
    pub(super) fn left(&self) -> impl Iterator<Item = (Urgency, &str)> {
        let lines = self.lines.iter().skip(self.done);
        lines.map(|line| (line.urgency, text_within(&self.text, line.begin..line.end)))
    }

    /// Whether it has no line.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How long it is, in bytes.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    fn at_hand(&self) -> Option<BatchLine> {
        self.lines.get(self.done).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_three() -> Batch {
        let mut batch = Batch::default();
        batch.push(Urgency::Less, "one\n");
        batch.push(Urgency::Error, "two\n  below\n");
        batch.push(Urgency::Less, "three\n");
        batch
    }

    fn left(batch: &Batch) -> Vec<&str> {
        batch.left().map(|(_, line)| line).collect()
    }

    #[test]
    fn a_line_that_was_begun_in_one_file_is_whole_in_the_next() {
        let (one, two, three) = ("one\ntwo\n  below\nthree\n", "two\n  below\nthree\n", "three\n");
        for (written, from) in [(0, one), (1, one), (4, two), (9, two), (15, two), (16, three), (21, three), (22, "")] {
            let mut batch = of_three();
            batch.advance(written);
            batch.begin_line_again();
            assert_eq!(batch.rest(), from.as_bytes(), "{written}");
        }
    }

    #[test]
    fn a_line_that_is_skipped_is_done_with_and_those_behind_it_are_not() {
        let mut batch = of_three();
        batch.advance(4);
        assert_eq!(left(&batch), ["two\n  below\n", "three\n"]);
        batch.advance(3);
        assert_eq!(batch.skip_line(), Some((Urgency::Error, "two\n  below\n")));
        assert_eq!((batch.rest(), left(&batch)), (b"three\n".as_slice(), vec!["three\n"]));
        batch.advance(6);
        assert_eq!((batch.rest(), left(&batch)), (b"".as_slice(), Vec::new()));
        assert_eq!(batch.skip_line(), None);
    }
}
