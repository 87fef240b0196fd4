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
            if task == Task::Reopen || self.reopen_at.is_some_and(|at| at <= Instant::now()) {
                self.reopen();
            }
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
        while let Some(line) = self.take_unsaid() {
            self.say(Some(line))?;
        }
        Ok(())
    }

    /// Writes all of it, and waits where the reader does not keep up, or there is no room.
    fn write_whole(&mut self, batch: &mut Batch) -> Result<(), Lost> {
        while !batch.rest().is_empty() {
            match self.output.write(batch.rest()) {
                Ok(0) => return Err(Lost),
                Ok(count) => batch.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.settle(&error, batch)?,
            }
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
        match self.queue.pause(time) {
            Task::End => return Err(Lost),
            // What of the line at hand stands in the other file is no line.
            Task::Reopen if self.reopen() => batch.begin_line_again(),
            Task::Reopen | Task::GoOn | Task::Write => {}
        }
        Ok(())
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
                    self.not_reopened = self.told.not_reopened(&self.output, &error);
                }
            }
        }
        false
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

    /// What else is to be said.
    fn take_unsaid(&mut self) -> Option<String> {
        self.not_reopened.take().or_else(|| self.trouble.take()?.end(&self.told, &self.output))
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
mod tests {
    use std::os::unix::net::UnixDatagram;

    use prometheus_client::metrics::counter::Counter;
    use rustix::io::Errno;
    use serde_json::Value;
    use tracing::Level;

    use super::super::hearing::said;
    use super::super::journal::Journal;
    use super::super::style::{Shape, Style};
    use super::super::waiting::ErrorKind;
    use super::*;

    fn told(shape: Shape) -> Told {
        Told::Here(Style { shape, pid: 7 })
    }

    fn push(queue: &Queue, level: Level, text: &str) {
        queue.push(level, text.to_owned(), || ErrorKind { place: "here", message: "an error".into() });
    }

    /// What is said elsewhere of a place that takes nothing, once nobody logs there any more.
    fn said_of_given_up(told: Told) -> Vec<Value> {
        struct Stuck;

        impl Write for Stuck {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let (queue, counter) = (Arc::new(Queue::default()), Counter::default());
        queue.count_in(counter.clone());
        let large = "x".repeat(5 << 20) + "\n";
        for (level, text) in [(Level::ERROR, &*large), (Level::INFO, &large), (Level::INFO, "a line\n")] {
            push(&queue, level, text);
        }
        push(&queue, Level::ERROR, "an error that waits\n");
        push(&queue, Level::WARN, "another line\n");
        queue.close();
        let writing = Writing::new(Arc::clone(&queue), told, Output::Stream(Box::new(Stuck)));
        let said = said(Shape::Json, || writing.run());
        assert_eq!(counter.get(), 3);
        assert!(queue.flush(Duration::ZERO), "nobody waits for it");
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_a_place_had_not_said_when_it_was_given_up_is_said_in_the_next_one_and_so_are_its_errors() {
        let said = said_of_given_up(told(Shape::Logfmt));
        let [dropped, summed, waited] = said.as_slice() else { panic!("{said:?}") };
        assert!(dropped["message"].as_str().unwrap().contains("the log goes elsewhere"), "{dropped}");
        assert_eq!((&dropped["lines"], &dropped["dropped_before"]), (&2.into(), &1.into()));
        assert!(summed["message"].as_str().unwrap().starts_with("errors were summed"), "{summed}");
        assert_eq!(
            (&summed["level"], &summed["first"], &summed["times"]),
            (&"ERROR".into(), &"an error".into(), &1.into())
        );
        assert_eq!((&waited["level"], &waited["line"]), (&"ERROR".into(), &"an error that waits".into()));
    }

    #[test]
    fn of_an_access_log_that_is_given_up_nothing_is_said_to_go_elsewhere() {
        let said = said_of_given_up(Told::InTheLog);
        let message = said[0]["message"].as_str().unwrap();
        assert!(
            message.contains("access log") && message.contains("ended") && !message.contains("elsewhere"),
            "{message}"
        );
        assert_eq!((&said[0]["lines"], &said[0]["dropped_before"]), (&2.into(), &1.into()));
    }

    #[test]
    fn what_the_journal_refuses_is_lost_alone_counted_and_said_in_one_line_however_much_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let (queue, counter) = (Arc::new(Queue::default()), Counter::default());
        queue.count_in(counter.clone());
        push(&queue, Level::INFO, &("x".repeat(5 << 20) + "\n\n"));
        let output = Output::Journal(Journal::new(path).unwrap());
        let mut writing = Writing::new(Arc::clone(&queue), told(Shape::Journal), output);
        let mut batch = Batch::default();
        for level in [Level::INFO, Level::ERROR, Level::INFO] {
            for text in ["MESSAGE=written\n\n", "MESSAGE=refused\nPRIORITY=6\n\n", "MESSAGE=left\n\n"] {
                push(&queue, level, text);
            }
            queue.take(&mut batch, None);
            batch.advance("MESSAGE=written\n\n".len());
            assert!(writing.settle(&Errno::MSGSIZE.into(), &mut batch).is_ok());
            assert_eq!(batch.rest(), b"MESSAGE=left\n\n");
        }
        assert_eq!(counter.get(), 1 + 3);

        batch.clear();
        assert!(writing.write_and_say(&mut batch).is_ok());
        let received = || {
            let mut buffer = [0; 1 << 12];
            let length = journald.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let dropped = received();
        assert!(dropped.contains("faster than they were read lines=1\n"), "it is not forgotten: {dropped}");
        let refused = received();
        let message = "MESSAGE=log lines were dropped: they are too large for where they go lines=3 ";
        assert!(refused.starts_with(message) && refused.contains("\nPRIORITY=3\n"), "{refused}");
        assert!(refused.contains("\nWINDLASS_FIRST=MESSAGE=refused\n"), "{refused}");
        assert!(writing.refused.is_none());
    }
}
