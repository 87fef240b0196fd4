//! Signals other than those that stop, reload and hand over.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::operate::process::{Windlass, wait_for};
use crate::operate::two_endpoints;
use crate::rig::PATIENCE;

#[tokio::test]
async fn a_signal_that_means_something_to_other_servers_ends_no_tunnel() {
    let windlass = Windlass::start(&two_endpoints().await).await;
    let mut client = windlass.connect("somebody").await.unwrap();
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::ALARM, "SIGALRM")] {
        kill_process(windlass.pid(), signal).unwrap();
        wait_for("a line about it", async || windlass.log().contains(name)).await;
        client.assert_open().await;
    }
}

#[tokio::test]
async fn sigquit_stops_politely() {
    let windlass = Windlass::start(&two_endpoints().await).await;
    let client = windlass.connect("somebody").await.unwrap();

    kill_process(windlass.pid(), Signal::QUIT).unwrap();

    assert_eq!(client.closed().await, (1012, "service restart".into()));
    assert!(windlass.ended().await);
}

#[tokio::test]
async fn a_demo_ends_with_its_terminal() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .args(["demo", "--plain-port", "0", "--secure-port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(tokio::time::timeout(PATIENCE, said.next_line()).await.expect("the banner").unwrap().is_some());

    let pid = Pid::from_raw(demo.id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();

    let ended = tokio::time::timeout(PATIENCE, demo.wait()).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(0));
}
