use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use prometheus_client::metrics::counter::Counter;
use rustix::io::Errno;
use serde_json::Value;
use tempfile::TempDir;
use tracing::Level;

use super::super::hearing::said;
use super::super::journal::Journal;
use super::super::log_file::LogFile;
use super::super::missing::ErrorKind;
use super::super::style::{Shape, Style};
use super::*;

fn told(shape: Shape) -> Told {
    Told::Here(Style { shape, pid: 7 })
}

fn push(queue: &Queue, level: Level, text: &str) {
    queue.push(level, text.to_owned(), || ErrorKind::one("here", "an error".into()));
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
    assert!(message.contains("access log") && message.contains("ended") && !message.contains("elsewhere"), "{message}");
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

/// Writes to a file that takes nothing, and whose folder is gone while it is ordered to be opened again; where that file is.
fn without_folder() -> (TempDir, PathBuf, Writing) {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    symlink("/dev/full", inner.join("log")).unwrap();
    let output = Output::File(LogFile::open(inner.join("log")).unwrap());
    fs::rename(&inner, folder.path().join("moved")).unwrap();
    let queue = Arc::new(Queue::default());
    queue.reopen();
    (folder, inner, Writing::new(queue, told(Shape::Logfmt), output))
}

#[test]
fn a_file_that_takes_nothing_is_opened_again_without_another_order_and_begins_with_the_line_at_hand() {
    let (_folder, inner, mut writing) = without_folder();
    let mut batch = Batch::of("a line\n");
    batch.advance(2);
    assert!(writing.settle(&Errno::NOSPC.into(), &mut batch).is_ok());
    assert!(writing.not_reopened.is_some() && batch.rest() == b"line\n");

    fs::create_dir(&inner).unwrap();
    writing.reopen_at = Some(Instant::now());
    assert!(writing.settle(&Errno::NOSPC.into(), &mut batch).is_ok());
    assert!(inner.join("log").exists(), "once its time has come");
    assert!(writing.write_and_say(&mut batch).is_ok());
    let text = fs::read_to_string(inner.join("log")).unwrap();
    assert!(text.starts_with("a line\n") && text.contains("the log can be written again"), "{text}");
    assert!(!text.contains("cannot be opened again"), "it was: {text}");
}

#[test]
fn that_a_file_cannot_be_opened_again_is_not_said_in_the_one_that_was_even_if_it_was_about_to_be() {
    let (_folder, inner, mut writing) = without_folder();
    let mut batch = Batch::default();
    assert_eq!(writing.queue.take(&mut batch, None), Task::Reopen);
    writing.reopen();
    assert!(writing.not_reopened.is_some());

    fs::create_dir(&inner).unwrap();
    writing.reopen_at = Some(Instant::now());
    assert!(writing.write_and_say(&mut batch).is_ok());
    let text = fs::read_to_string(inner.join("log")).unwrap();
    assert!(text.contains("the log can be written again") && text.lines().count() == 1, "{text}");
}
