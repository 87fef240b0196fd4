//! Whoever reads the log stands still: a slow disk behind the journal, Ctrl-S on a terminal.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::time::Duration;

use rustix::io::ioctl_fionbio;
use rustix::process::{Signal, kill_process};
use tokio::time::timeout;

use crate::operate::process::{Windlass, wait_for};
use crate::operate::two_endpoints;

#[tokio::test]
async fn a_reader_of_the_log_who_stands_still_stops_nothing() {
    let (mut reader, writer) = full_pipe();
    let windlass = Windlass::start_with_log(&two_endpoints().await, writer).await;
    let mut tunnel = windlass.connect("old").await.unwrap();
    tunnel.assert_open().await;
    windlass.connect("new").await.unwrap().assert_open().await;
    assert!(windlass.ask(&["reload"]).await.status.success());
    let fill = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });

    kill_process(windlass.pid(), Signal::TERM).unwrap();
    tunnel.closed().await;
    assert!(windlass.ended().await);
    let log = fill.join().unwrap().unwrap();
    for line in ["\"listening\"", "\"ready\"", "reload: nothing has changed", "\"tunnel ended\"", "\"stopped\""] {
        assert!(log.contains(line), "{line} was not lost:\n{}", log.trim_start_matches('.'));
    }
}

#[tokio::test]
async fn a_reader_who_never_goes_on_does_not_keep_the_process() {
    let (_reader, writer) = full_pipe();
    let config =
        two_endpoints().await.replace("deadline = \"2s\"\nspread = \"1s\"", "deadline = \"60s\"\nspread = \"50s\"");
    let windlass = Windlass::start_with_log(&config, writer).await;
    let _tunnel = windlass.connect("somebody").await.unwrap();

    kill_process(windlass.pid(), Signal::TERM).unwrap();
    wait_for("the drain", async || windlass.status().await["phase"] == "draining").await;
    kill_process(windlass.pid(), Signal::TERM).unwrap();
    assert!(timeout(Duration::from_secs(10), windlass.ended()).await.expect("the second signal ends it at once"));
}

/// A pipe into which nothing more goes.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    ioctl_fionbio(&writer, true).unwrap();
    while writer.write(&[b'.'; 1024]).is_ok() {}
    while writer.write(b".").is_ok() {}
    ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}
