//! The thread that writes, and waits for the reader in everybody's place.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tracing::Level;

use super::line::LogLine;
use super::output::{AfterFailure, LATER, Output, Reopened, SOON};
use super::queue::{Batch, BatchOutcome, Queue, Task};
use super::trouble::{Told, Trouble};
use super::waiting::Missing;
use crate::ranges::within;

/// The thread that writes the lines of a queue. When this is dropped, what waits is written still, but not for ever.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
}

impl Writer {
    /// Starts to write to `output`; what goes wrong with that is `told`.
    ///
    /// # Errors
    /// There can be no more threads.
    pub(super) fn start(told: Told, output: Output) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let writing =
            Writing { queue: Arc::clone(&queue), told, output, trouble: None, reopen_at: None, unsaid: Vec::new() };
        thread::Builder::new().name("windlass-log".into()).spawn(move || writing.run())?;
        Ok(Self { queue })
    }

    /// Where lines wait for it.
    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Waits until everything is written; a reader who stands still is not waited for for long.
    pub(super) fn flush(&self) {
        self.queue.flush(FLUSH_TIME);
    }

    /// Has what is written to opened again: somebody has moved it away.
    pub(super) fn reopen(&self) {
        self.queue.reopen();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A reader who stands still does not keep the process.
        self.flush();
        self.queue.close();
    }
}

struct Writing {
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
    fn run(mut self) {
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

/// How long the end of the process waits for the reader.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// How often it is tried to open a file again.
const REOPEN_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use prometheus_client::metrics::counter::Counter;

    use super::super::stream::StreamOutput;
    use super::super::style::{Shape, Style};
    use super::super::waiting::ErrorKind;
    use super::*;

    const TOLD: Told = Told::Here(Style { shape: Shape::Logfmt, pid: 7 });

    /// Takes a piece whenever the test says so.
    struct Gate {
        go_on: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.go_on.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let piece = within(bytes, ..bytes.len().div_ceil(2));
            let _ = self.written.send(String::from_utf8_lossy(piece).into_owned());
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Sender<()>, Receiver<String>, Output) {
        let ((pass, go_on), (written, pieces)) = (channel(), channel());
        (pass, pieces, Output::Stream(Box::new(Gate { go_on, written })))
    }

    fn push(queue: &Queue, level: Level, text: String) {
        queue.push(level, text, || ErrorKind { place: "here", message: "an error".into() });
    }

    #[test]
    fn a_reader_who_stands_still_holds_nobody_up_and_hears_how_much_was_lost() {
        let (pass, pieces, output) = gate();
        let writer = Writer::start(TOLD, output).unwrap();
        for _ in 0..100 {
            push(writer.queue(), Level::INFO, "x".repeat(100_000) + "\n");
        }
        push(writer.queue(), Level::ERROR, "an error\n".into());
        assert!(!writer.queue().flush(Duration::from_millis(1)));

        let mut text = String::new();
        while !text.contains("an error\n") || !text.contains("log lines were dropped") || !text.ends_with('\n') {
            pass.send(()).unwrap();
            text.push_str(&pieces.recv_timeout(Duration::from_secs(20)).unwrap());
        }
        let said = text.lines().find(|line| line.contains("log lines were dropped")).unwrap();
        let lost = 101 - text.lines().filter(|line| !line.contains("log lines were dropped")).count();
        assert!(said.contains("level=warn pid=7") && said.contains(&format!(" lines={lost} ")), "{said}");
        drop(pass);
        drop(writer);
    }

    #[test]
    fn the_end_waits_for_the_reader_but_not_for_ever() {
        let (_pass, _pieces, output) = gate();
        let writer = Writer::start(TOLD, output).unwrap();
        push(writer.queue(), Level::INFO, "never read\n".into());
        let began = Instant::now();
        drop(writer);
        assert!(began.elapsed() >= FLUSH_TIME);
    }

    #[test]
    fn errors_that_find_no_place_at_all_are_summed_and_said() {
        let (pass, pieces, output) = gate();
        let writer = Writer::start(TOLD, output).unwrap();
        push(writer.queue(), Level::ERROR, "x".repeat(5 << 20) + "\n");
        push(writer.queue(), Level::ERROR, "x".repeat(5 << 20) + "\n");

        let mut text = String::new();
        // In one line or in two: it may have said the first before there was a second.
        let times = |text: &str| {
            let numbers = text.split(" times=").skip(1).filter_map(|rest| rest.split_once(' ')?.0.parse::<u64>().ok());
            numbers.sum::<u64>()
        };
        while times(&text) < 2 {
            pass.send(()).unwrap();
            text.push_str(&pieces.recv_timeout(Duration::from_secs(20)).unwrap());
        }
        assert!(text.contains("level=error") && text.contains(" first=\"an error\" "), "{text}");
        assert!(!text.contains("dropped"), "{text}");
    }

    #[test]
    fn an_order_to_open_again_what_is_no_file_tears_no_line() {
        /// Takes the first half of a line, and nothing more until it is told.
        struct Slow(Receiver<()>, Sender<Vec<u8>>, bool);

        impl Write for Slow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.2, true) && self.0.try_recv().is_err() {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let piece = within(bytes, ..bytes.len().div_ceil(2));
                let _ = self.1.send(piece.to_vec());
                Ok(piece.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let ((pass, go_on), (written, pieces)) = (channel(), channel());
        let writer = Writer::start(TOLD, Output::Stream(Box::new(Slow(go_on, written, false)))).unwrap();
        push(writer.queue(), Level::INFO, "a line that is written in two pieces\n".into());
        let mut text = pieces.recv_timeout(Duration::from_secs(20)).unwrap();
        writer.reopen();
        while !writer.queue().flush(Duration::from_millis(20)) {
            let _ = pass.send(());
        }
        text.extend(pieces.try_iter().flatten());
        assert_eq!(String::from_utf8(text).unwrap(), "a line that is written in two pieces\n");
    }

    #[test]
    fn what_waits_for_a_reader_who_stands_still_is_given_up_and_counted_once_nobody_logs_there() {
        let (reader, output) = io::pipe().unwrap();
        let output = Output::Stream(Box::new(StreamOutput::new(output.into())));
        let (writer, counter) = (Writer::start(TOLD, output).unwrap(), Counter::default());
        writer.queue().count_in(counter.clone());
        for _ in 0..30 {
            push(writer.queue(), Level::INFO, "x".repeat(100_000) + "\n");
        }
        let queue = Arc::clone(&writer.queue);
        drop(writer);
        assert!(queue.flush(Duration::from_secs(20)), "nothing waits any more");
        let begun = Instant::now();
        while Arc::strong_count(&queue) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(20), "its thread has ended");
            thread::yield_now();
        }
        assert_eq!(counter.get(), 30);
        drop(reader);
    }

    #[test]
    fn a_line_that_was_begun_in_one_file_is_whole_in_the_next() {
        let text = "one\ntwo\nthree\n";
        for (left, from) in [(14, text), (13, text), (10, "two\nthree\n"), (8, "two\nthree\n"), (6, "three\n"), (0, "")]
        {
            assert_eq!(from_its_line(text, left), from.as_bytes(), "{left}");
        }
    }
}
