//! What the thread that writes does: it waits for the reader in everybody's place.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Level;

use super::line::LogLine;
use super::output::{AfterFailure, LATER, Output, Reopened, SOON};
use super::queue::{Batch, BatchOutcome, Queue, Task};
use super::trouble::{Told, Trouble};
use super::waiting::Missing;
use crate::ranges::within;

/// Who writes the lines of a queue.
pub(super) struct Writing {
    queue: Arc<Queue>,
    told: Told,
    output: Output,
    /// What keeps it from writing, and since when.
    trouble: Option<Trouble>,
    /// When it is to be opened again, since that has failed.
    reopen_at: Option<Instant>,
    /// Lines about all this, which wait until the line at hand is whole.
    unsaid: Vec<String>,
}

impl Writing {
    /// One that writes to `output`; what goes wrong with that is `told`.
    pub(super) fn new(queue: Arc<Queue>, told: Told, output: Output) -> Self {
        Self { queue, told, output, trouble: None, reopen_at: None, unsaid: Vec::new() }
    }

    /// Writes until nobody logs there any more.
    pub(super) fn run(mut self) {
        let mut batch = Batch::default();
        loop {
            let at_most = self.reopen_at.map(|at| at.saturating_duration_since(Instant::now()));
            match self.queue.take(&mut batch, at_most) {
                Task::End => return,
                Task::Reopen => drop(self.reopen()),
                Task::GoOn => {}
                Task::Write => {
                    if self.write_batch(&mut batch) == BatchOutcome::Lost
                        && let Some(lines) = self.queue.give_up()
                    {
                        return self.told.given_up(&self.output, lines.saturating_add(batch.lines()));
                    }
                }
            }
            if self.reopen_at.is_some_and(|at| at <= Instant::now()) {
                self.reopen();
            }
            for line in std::mem::take(&mut self.unsaid) {
                self.write_whole(&line);
            }
        }
    }

    fn write_batch(&mut self, batch: &mut Batch) -> BatchOutcome {
        let mut outcome = self.write_whole(&batch.text);
        while let Some(missing) = self.queue.note_written(batch, outcome) {
            *batch = Batch::default();
            outcome = self.say_missing(&missing);
        }
        if outcome == BatchOutcome::Whole
            && let Some(over) = self.trouble.take()
        {
            self.unsaid.extend(over.end(&self.told, &self.output));
        }
        outcome
    }

    /// Writes all of it, and waits where the reader does not keep up, or there is no room.
    fn write_whole(&mut self, text: &str) -> BatchOutcome {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => return BatchOutcome::Lost,
                Ok(count) => rest = within(rest, count..),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => match self.wait_after(&error) {
                    Task::End => return BatchOutcome::Lost,
                    // What of the line at hand stands in the other file is no line.
                    Task::Reopen => rest = from_its_line(text, rest.len()),
                    Task::GoOn | Task::Write => {}
                },
            }
        }
        BatchOutcome::Whole
    }

    /// Waits after a failure to write; [`Task::End`] where that is for ever, and [`Task::Reopen`] where another file is open now.
    fn wait_after(&mut self, error: &io::Error) -> Task {
        let time = match self.output.after(error) {
            AfterFailure::GiveUp => return Task::End,
            AfterFailure::Skip => {
                self.unsaid.extend(self.told.skipped(&self.output, error));
                return Task::End;
            }
            AfterFailure::AtOnce => Duration::ZERO,
            AfterFailure::Soon => SOON,
            AfterFailure::Later => {
                if self.trouble.is_none() {
                    self.trouble = Some(Trouble::begin(&self.told, &self.output, error));
                }
                LATER
            }
        };
        match self.queue.pause(time) {
            Task::Reopen if self.reopen() => Task::Reopen,
            Task::Reopen => Task::GoOn,
            task => task,
        }
    }

    /// Opens the file again; where that fails, the one that is open is written on, and it is tried again. Whether another is open now.
    fn reopen(&mut self) -> bool {
        let is_first = self.reopen_at.is_none();
        match self.output.reopen() {
            Ok(reopened) => {
                self.reopen_at = None;
                return reopened == Reopened::Another;
            }
            Err(error) => {
                self.reopen_at = Some(Instant::now() + REOPEN_EVERY);
                if is_first {
                    self.unsaid.extend(self.told.not_reopened(&self.output, &error));
                }
            }
        }
        false
    }

    fn say_missing(&mut self, Missing { dropped, summed }: &Missing) -> BatchOutcome {
        let Told::Here(style) = self.told else {
            let to = &self.output;
            tracing::warn!(%to, lines = dropped, "lines of the access log were dropped: they came faster than they were written");
            return BatchOutcome::Whole;
        };
        let mut text = String::new();
        if *dropped > 0 {
            let mut line = LogLine::begin(style, Level::WARN);
            line.write_message("log lines were dropped: they were written faster than they were read");
            line.write_plain("lines", dropped);
            text += &line.finish(module_path!());
        }
        for sum in summed {
            let mut line = LogLine::begin(style, Level::ERROR);
            line.write_message("errors were summed, for there was no room for their lines");
            line.write_text("first", &sum.message);
            line.write_plain("times", sum.times);
            text += &line.finish(module_path!());
        }
        self.write_whole(&text)
    }
}

/// The end of `text` with so many bytes, and what stands before them in their line.
fn from_its_line(text: &str, left: usize) -> &[u8] {
    let (written, _) = text.as_bytes().split_at_checked(text.len().saturating_sub(left)).unwrap_or_default();
    let begins = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    within(text.as_bytes(), begins..)
}

/// How often it is tried to open a file again.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_begun_in_one_file_is_whole_in_the_next() {
        let text = "one\ntwo\nthree\n";
        for (left, from) in [(14, text), (13, text), (10, "two\nthree\n"), (8, "two\nthree\n"), (6, "three\n"), (0, "")]
        {
            assert_eq!(from_its_line(text, left), from.as_bytes(), "{left}");
        }
    }
}
