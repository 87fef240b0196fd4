//! The thread that writes, and waits for the reader in everybody's place.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::Level;

use super::line::{LogLine, Style};
use super::queue::{Batch, BatchOutcome, Queue};
use crate::ranges::within;

/// The thread that writes the lines of a queue. When this is dropped, what waits is written still, but not for ever.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
}

impl Writer {
    /// Starts to write to `output` what is put into `queue`.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn start(queue: Arc<Queue>, style: Style, output: impl Write + Send + 'static) -> io::Result<Self> {
        let for_thread = Arc::clone(&queue);
        thread::Builder::new().name("windlass-log".into()).spawn(move || write_all(&for_thread, style, output))?;
        Ok(Self { queue })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A reader who stands still does not keep the process.
        self.queue.flush(FLUSH_TIME);
    }
}

fn write_all(queue: &Queue, style: Style, mut output: impl Write) {
    let mut batch = Batch::default();
    loop {
        queue.take(&mut batch);
        let mut written = write_whole(&mut output, batch.text.as_bytes());
        while let Some(dropped) = queue.note_written(&batch, written) {
            batch = Batch::default();
            let mut line = LogLine::begin(style, Level::WARN);
            line.write_message("log lines were dropped: they were written faster than they were read");
            line.write_plain("lines", dropped);
            written = write_whole(&mut output, line.finish(module_path!()).as_bytes());
        }
    }
}

/// Writes all of it, and waits where the reader does not keep up.
fn write_whole(output: &mut impl Write, mut bytes: &[u8]) -> BatchOutcome {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return BatchOutcome::Lost,
            Ok(count) => bytes = within(bytes, count..),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody else who has this pipe or terminal wants never to wait for it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                #[expect(clippy::disallowed_methods, reason = "the thread is no worker, and it is its task to wait")]
                thread::sleep(RETRY_EVERY);
            }
            Err(_) => return BatchOutcome::Lost,
        }
    }
    BatchOutcome::Whole
}

/// How long the end of the process waits for the reader.
const FLUSH_TIME: Duration = Duration::from_secs(1);
const RETRY_EVERY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::super::line::Shape;
    use super::*;

    const STYLE: Style = Style { shape: Shape::Logfmt, pid: 7 };

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

    #[test]
    fn a_reader_who_stands_still_holds_nobody_up_and_hears_how_much_was_lost() {
        let ((pass, go_on), (written, pieces)) = (channel(), channel());
        let queue = Arc::new(Queue::default());
        let writer = Writer::start(Arc::clone(&queue), STYLE, Gate { go_on, written }).unwrap();
        for _ in 0..100 {
            queue.push(Level::INFO, "x".repeat(100_000) + "\n");
        }
        queue.push(Level::ERROR, "an error\n".into());
        assert!(!queue.flush(Duration::from_millis(1)));

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
        let ((_pass, go_on), (written, _pieces)) = (channel(), channel());
        let queue = Arc::new(Queue::default());
        let writer = Writer::start(Arc::clone(&queue), STYLE, Gate { go_on, written }).unwrap();
        queue.push(Level::INFO, "never read\n".into());
        let began = Instant::now();
        drop(writer);
        assert!(began.elapsed() >= FLUSH_TIME);
    }

    #[test]
    fn a_line_that_finds_no_place_at_all_is_said_to_be_lost() {
        let ((pass, go_on), (written, pieces)) = (channel(), channel());
        let queue = Arc::new(Queue::default());
        let _writer = Writer::start(Arc::clone(&queue), STYLE, Gate { go_on, written }).unwrap();
        queue.push(Level::ERROR, "x".repeat(5 << 20) + "\n");

        let mut text = String::new();
        while !text.ends_with('\n') {
            pass.send(()).unwrap();
            text.push_str(&pieces.recv_timeout(Duration::from_secs(20)).unwrap());
        }
        assert!(text.contains("log lines were dropped") && text.contains(" lines=1 "), "{text}");
    }
}
