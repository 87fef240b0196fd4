//! What the thread that writes does: it waits for the reader in everybody's place, and says what went wrong with lines as soon as the place
//! takes that.
//!
//! Invariant: what is to be said is of a bounded size, however long that takes.

use std::io::{self, Write};
use std::mem::take;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::log_file::Reopened;
use super::missing::{GivenUp, Missing};
use super::output::{AfterFailure, LATER, Output, SOON};
use super::queue::{Queue, Task};
use super::trouble::{Refused, Told, Trouble};

/// Who writes the lines of a queue.
pub(super) struct Writing {
    queue: Arc<Queue>,
    told: Told,
    output: Output,
    /// What keeps it from writing, and since when.
    trouble: Option<Trouble>,
    /// When it is to be opened again, since that has failed.
    reopen_at: Option<Instant>,
    /// The line about that, which waits until the line at hand is whole.
    not_reopened: Option<String>,
    /// What did not get out, as far as it is not said.
    missing: Missing,
    /// The lines that are never taken, until that is said.
    refused: Option<Refused>,
}

/// What is at hand gets out no further: who reads is gone, or nobody logs here any more.
struct Lost;

impl Writing {
    /// One that writes to `output`; what goes wrong with that is `told`.
    pub(super) fn new(queue: Arc<Queue>, told: Told, output: Output) -> Self {
        let missing = Missing::default();
        Self { queue, told, output, trouble: None, reopen_at: None, not_reopened: None, missing, refused: None }
    }

    /// Writes until nobody logs there any more.
    pub(super) fn run(mut self) {
        let mut batch = Batch::default();
        loop {
            let at_most = self.reopen_at.map(|at| at.saturating_duration_since(Instant::now()));
            let task = self.queue.take(&mut batch, at_most);
            if task == Task::End {
                return;
            }
            self.reopen_where_due(task);
            if let Err(Lost) = self.write_and_say(&mut batch)
                && let Some(given_up) = self.lose(&batch)
            {
                return self.told.given_up(&self.output, &given_up);
            }
            self.queue.note_done();
        }
    }

    fn write_and_say(&mut self, batch: &mut Batch) -> Result<(), Lost> {
        self.write_whole(batch)?;
        while let Some(missing) = self.queue.take_missing() {
            self.missing = missing;
            self.say_missing()?;
        }
        self.say_refused()?;
        // Something else may go wrong meanwhile.
        while self.not_reopened.is_some() || self.trouble.is_some() {
            self.say_not_reopened()?;
            let line = self.trouble.take().and_then(|trouble| trouble.end(&self.told, &self.output));
            self.say(line)?;
        }
        Ok(())
    }

    /// Writes all of it.
    fn write_whole(&mut self, batch: &mut Batch) -> Result<(), Lost> {
        while !batch.rest().is_empty() {
            self.write_on(batch)?;
        }
        Ok(())
    }

    /// Writes a piece of it, or waits where the reader does not keep up, or there is no room.
    fn write_on(&mut self, batch: &mut Batch) -> Result<(), Lost> {
        match self.output.write(batch.rest()) {
            Ok(0) => return Err(Lost),
            Ok(count) => batch.advance(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.settle(&error, batch)?,
        }
        Ok(())
    }

    /// After a failure to write: waits for the next try, or has it that there is none for the line at hand.
    fn settle(&mut self, error: &io::Error, batch: &mut Batch) -> Result<(), Lost> {
        let time = match self.output.after(error) {
            AfterFailure::GiveUp => return Err(Lost),
            AfterFailure::Skip => {
                if let Some((urgency, line)) = batch.skip_line() {
                    self.refused.get_or_insert_with(|| Refused::new(error, line)).add(urgency);
                    self.queue.note_dropped();
                }
                return Ok(());
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
        let task = self.queue.pause(time);
        if task == Task::End {
            return Err(Lost);
        }
        if self.reopen_where_due(task) == Reopened::Another {
            // What of the line at hand stands in the other file is no line.
            batch.begin_line_again();
        }
        Ok(())
    }

    /// Opens the file again where that is the task, or has failed a while ago.
    fn reopen_where_due(&mut self, task: Task) -> Reopened {
        match task == Task::Reopen || self.reopen_at.is_some_and(|at| at <= Instant::now()) {
            true => self.reopen(),
            false => Reopened::TheSame,
        }
    }

    /// Opens the file again; where that fails, the one that is open is written on, and it is tried again.
    fn reopen(&mut self) -> Reopened {
        let is_first = self.reopen_at.is_none();
        match self.output.reopen() {
            Ok(reopened) => {
                self.reopen_at = None;
                if reopened == Reopened::Another {
                    // In there it is not true.
                    self.not_reopened = None;
                }
                reopened
            }
            Err(error) => {
                self.reopen_at = Some(Instant::now() + REOPEN_EVERY);
                if is_first {
                    self.not_reopened = self.told.not_reopened(&self.output, &error);
                }
                Reopened::TheSame
            }
        }
    }

    fn say_missing(&mut self) -> Result<(), Lost> {
        if self.missing.dropped > 0 {
            let line = self.told.dropped(&self.output, self.missing.dropped);
            self.say(line)?;
            self.missing.dropped = 0;
        }
        while let Some(sum) = self.missing.summed.last() {
            let line = self.told.summed(sum);
            self.say(line)?;
            self.missing.summed.pop();
        }
        Ok(())
    }

    fn say_refused(&mut self) -> Result<(), Lost> {
        let Some(refused) = &self.refused else { return Ok(()) };
        let lines = refused.lines();
        let line = self.told.refused(&self.output, refused);
        self.say(line)?;
        // Where that line is refused, too, it is one of them, and all of them are said the next time.
        self.refused.take_if(|refused| refused.lines() == lines);
        Ok(())
    }

    /// Says that the file cannot be opened again, unless it could be before that was said.
    fn say_not_reopened(&mut self) -> Result<(), Lost> {
        let Some(line) = &self.not_reopened else { return Ok(()) };
        let mut batch = Batch::of(line);
        while self.not_reopened.is_some() && !batch.rest().is_empty() {
            self.write_on(&mut batch)?;
        }
        self.not_reopened = None;
        Ok(())
    }

    fn say(&mut self, line: Option<String>) -> Result<(), Lost> {
        line.map_or(Ok(()), |line| self.write_whole(&mut Batch::of(&line)))
    }

    /// All that is not written gets out no further: what is given up of it, where nobody logs here any more.
    fn lose(&mut self, batch: &Batch) -> Option<GivenUp> {
        self.not_reopened = None;
        let (missing, refused) = (take(&mut self.missing), self.refused.take());
        let mut given_up = self.queue.lose(batch)?;
        given_up.before.add(missing);
        given_up.before.dropped += refused.map_or(0, |refused| refused.lines());
        Some(given_up)
    }
}

/// How often it is tried to open a file again.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
