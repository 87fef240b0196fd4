//! Signals other than those that stop, reload and hand over.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::operate::two_endpoints;
use crate::rig::{PROGRAM, Program, Wire, command, is_met, kill, output, signal, until_async, within};

#[tokio::test]
async fn a_signal_that_means_something_to_other_servers_ends_no_tunnel() {
    let windlass = Program::start(&two_endpoints().await).await;
    let mut client = windlass.client("somebody").await.unwrap();
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::ALARM, "SIGALRM")] {
        windlass.signal(signal);
        until_async("a line about it", async || windlass.folder().log().contains(name)).await;
        client.assert_open().await;
    }
}

#[tokio::test]
async fn sigquit_stops_politely() {
    let mut windlass = Program::start(&two_endpoints().await).await;
    let client = windlass.client("somebody").await.unwrap();

    windlass.signal(Signal::QUIT);

    assert_eq!(client.closed().await, (1012, "service restart".into()));
    assert!(windlass.exit().await.success());
}

#[tokio::test]
async fn a_demo_ends_with_its_terminal() {
    let (mut demo, _) = start_demo().await;

    signal(demo.id().unwrap(), Signal::HUP);

    let ended = within("its end", demo.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn a_demo_that_drains_after_a_handoff_ends_with_whoever_has_taken_over() {
    let (mut demo, banner) = start_demo().await;
    let (_, port) = banner.split_once("http://127.0.0.1:").unwrap();
    let port = port.split('/').next().unwrap().parse().unwrap();
    let mut events = Wire::connect(SocketAddr::from(([127, 0, 0, 1], port))).await;
    events.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(events.head().await.status(), 200);
    let admin = banner.split_whitespace().find(|word| word.starts_with("unix:")).unwrap();
    let handed_over = output(command(PROGRAM).args(["handoff", "--json", "--admin", admin])).await;
    let answer: Value = serde_json::from_slice(&handed_over.stdout).unwrap_or_else(|_| panic!("{handed_over:?}"));
    let successor = u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
    assert!(demo.try_wait().unwrap().is_none(), "it sees the events through");

    signal(demo.id().unwrap(), Signal::TERM);

    let ended = within("its end", demo.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    // One that is gone, or waits for its parent alone, has no environment.
    let is_gone = || fs::read(format!("/proc/{successor}/environ")).unwrap_or_default().is_empty();
    let has_ended = is_met(async || is_gone()).await;
    if !has_ended {
        kill(successor);
    }
    assert!(has_ended, "process {successor} was left behind");
}

/// A demo, and what it says of itself.
async fn start_demo() -> (Child, String) {
    let mut demo = command(PROGRAM)
        .args(["demo", "--plain-port", "0", "--secure-port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut banner = String::new();
    while !banner.contains("Stop with Ctrl-C") {
        banner += &within("the banner", said.next_line()).await.unwrap().unwrap();
        banner.push('\n');
    }
    (demo, banner)
}
