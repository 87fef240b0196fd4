//! The thread that writes: from its start to its end.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::output::Output;
use super::queue::Queue;
use super::trouble::Told;
use super::writing::Writing;

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
        let writing = Writing::new(Arc::clone(&queue), told, output);
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

/// How long the end of the process waits for the reader.
const FLUSH_TIME: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use prometheus_client::metrics::counter::Counter;
    use tracing::Level;

    use super::super::log_file::LogFile;
    use super::super::missing::ErrorKind;
    use super::super::stream::StreamOutput;
    use super::super::style::{Shape, Style};
    use super::*;
    use crate::ranges::within;

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
        queue.push(level, text, || ErrorKind::one("here", "an error".into()));
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
    fn what_is_to_be_said_of_the_place_itself_is_waited_for_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, moved) = (folder.path().join("inner"), folder.path().join("moved"));
        std::fs::create_dir(&inner).unwrap();
        let output = Output::File(LogFile::open(inner.join("log")).unwrap());
        let writer = Writer::start(TOLD, output).unwrap();
        std::fs::rename(&inner, &moved).unwrap();
        writer.reopen();
        assert!(writer.queue().flush(Duration::from_secs(20)));
        let text = std::fs::read_to_string(moved.join("log")).unwrap();
        assert!(text.contains("the log cannot be opened again") && text.ends_with('\n'), "{text:?}");
    }
}
