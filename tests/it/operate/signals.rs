//! Signals other than those that stop, reload and hand over.

use std::process::Stdio;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::operate::two_endpoints;
use crate::rig::{PROGRAM, Program, command, signal, until_async, within};

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
    let mut demo = command(PROGRAM)
        .args(["demo", "--plain-port", "0", "--secure-port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(within("the banner", said.next_line()).await.unwrap().is_some());

    signal(demo.id().unwrap(), Signal::HUP);

    let ended = within("its end", demo.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}
