//! Whoever reads the log stands still: a slow disk behind the journal, Ctrl-S on a terminal.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::time::Duration;

use rustix::io::ioctl_fionbio;
use rustix::process::Signal;
use tokio::time::timeout;

use crate::operate::two_endpoints;
use crate::rig::{Folder, PROGRAM, Program, until_async};

#[tokio::test]
async fn a_reader_of_the_log_who_stands_still_stops_nothing() {
    let (mut reader, writer) = full_pipe();
    let mut windlass = start(&two_endpoints().await, writer).await;
    let mut tunnel = windlass.client("old").await.unwrap();
    tunnel.assert_open().await;
    windlass.client("new").await.unwrap().assert_open().await;
    assert!(windlass.ask(&["reload"]).await.status.success());
    let fill = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });

    windlass.signal(Signal::TERM);
    tunnel.closed().await;
    assert!(windlass.exit().await.success());
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
    let mut windlass = start(&config, writer).await;
    let _tunnel = windlass.client("somebody").await.unwrap();

    windlass.signal(Signal::TERM);
    until_async("the drain", async || windlass.status().await["phase"] == "draining").await;
    windlass.signal(Signal::TERM);
    let end = timeout(Duration::from_secs(10), windlass.exit()).await.expect("the second signal ends it at once");
    assert!(end.success());
}

/// A program whose log goes there, as soon as it answers operators.
async fn start(config: &str, log: PipeWriter) -> Program {
    let folder = Folder::new(config);
    let mut command = folder.command(PROGRAM, &[]);
    command.stderr(log);
    let windlass = Program::spawn(&folder, command);
    until_async("the process to serve", async || windlass.ask(&["status"]).await.status.success()).await;
    windlass
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
