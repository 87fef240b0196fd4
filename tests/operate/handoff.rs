//! `windlass handoff`.

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Windlass, text, wait_for};
use crate::two_endpoints;

#[tokio::test]
async fn a_handoff_passes_on_where_operators_ask_and_what_they_drain() {
    let windlass = Windlass::start(&two_endpoints().await).await;
    let mut client = windlass.connect("somebody").await.unwrap();
    let (stays, drained) = if client.endpoint == "a" { ("a", "b") } else { ("b", "a") };
    assert!(windlass.ask(&["drain", &format!("endpoint/chat/{drained}")]).await.status.success());

    let output = windlass.ask(&["handoff", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let successor = serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["pid"].as_i64().unwrap();

    let status = windlass.status().await;
    assert_eq!(status["pid"], successor);
    assert_eq!(status["predecessors"][0]["pid"], windlass.pid().as_raw_nonzero().get());
    client.assert_open().await;
    for key in 0..16 {
        assert_eq!(windlass.connect(&key.to_string()).await.unwrap().endpoint, stays);
    }

    let successor = Pid::from_raw(successor.try_into().unwrap()).unwrap();
    kill_process(successor, Signal::TERM).unwrap();
    let socket = windlass.socket();
    wait_for("the socket's file to go with the last process", async || !socket.exists()).await;
}
