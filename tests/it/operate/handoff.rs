//! `windlass handoff`.

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use windlass::admin::{Client, HandoffAnswer, ReloadAnswer, Status};
use windlass::config::AdminListen;

use crate::operate::held::Held;
use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{Program, signal, until_async, within};

#[tokio::test]
async fn a_handoff_passes_on_where_operators_ask_and_what_they_drain() {
    let config = two_endpoints().await + "[drain.handoff]\ntunnels = \"drain\"\n";
    let windlass = Program::start(&config).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let (stays, drained) = if client.endpoint == "a" { ("a", "b") } else { ("b", "a") };
    assert!(windlass.ask(&["drain", &format!("endpoint/chat/{drained}")]).await.status.success());

    let before = windlass.status().await;
    let output = windlass.ask(&["handoff", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let successor = serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["pid"].as_u64().unwrap();

    let status = windlass.status().await;
    assert_eq!(status["pid"], successor);
    assert_eq!(status["predecessors"][0]["pid"], windlass.id());
    assert_eq!((&before["generation"], &status["generation"]), (&1.into(), &2.into()));
    assert_eq!(status["schema_version"], 1);
    let counting_since = |status: &serde_json::Value| status["counting_since"].as_u64().unwrap();
    assert!(counting_since(&before) <= counting_since(&status), "{status}");
    client.assert_open().await;
    for key in 0..16 {
        assert_eq!(windlass.client(&key.to_string()).await.unwrap().endpoint, stays);
    }

    signal(successor.try_into().unwrap(), Signal::TERM);
    let socket = windlass.folder().socket();
    until_async("the socket's file to go with the last process", async || !socket.exists()).await;
}

#[tokio::test]
async fn who_waits_for_a_process_that_hands_over_is_told_to_ask_again() {
    let windlass = Program::start(&two_endpoints().await).await;
    let held = Held::hold(&windlass.folder().config());
    let client = Client::new(AdminListen::Unix(windlass.folder().socket()));
    let handoff = tokio::spawn({
        let client = client.clone();
        async move { client.post::<HandoffAnswer>("/handoff", &()).await.unwrap().value.pid }
    });
    // By the new process, so the handoff is under way.
    held.is_opened().await;
    let reload = tokio::spawn({
        let client = client.clone();
        async move { client.post::<ReloadAnswer>("/reload", &()).await.unwrap_err().to_string() }
    });
    // Connections are accepted in order: when these are answered, the one before them has been heard.
    for _ in 0..30 {
        client.get::<Status>("/status").await.unwrap();
    }
    drop(held);
    assert_eq!(reload.await.unwrap(), "the process has handed over; ask again, the new one answers");

    signal(handoff.await.unwrap(), Signal::TERM);
    let socket = windlass.folder().socket();
    until_async("the socket's file to go with the last process", async || !socket.exists()).await;
}

#[tokio::test]
async fn a_kept_connection_does_not_stay_where_nobody_listens_any_more() {
    let config = two_endpoints().await + "[drain.handoff]\nspread = \"9min\"\ndeadline = \"10min\"\n";
    let windlass = Program::start(&config).await;
    let mut client = windlass.client("somebody").await.unwrap();
    let mut kept = UnixStream::connect(windlass.folder().socket()).await.unwrap();
    assert!(is_answered(&mut kept).await);
    let moved = windlass.folder().path("moved.sock");
    windlass.folder().configure(&config.replace("ADMIN", &format!("unix:{}", moved.display())));
    Client::new(AdminListen::Unix(windlass.folder().socket())).post::<ReloadAnswer>("/reload", &()).await.unwrap();
    ends(&mut kept).await;

    let mut kept = UnixStream::connect(&moved).await.unwrap();
    assert!(is_answered(&mut kept).await);
    let _successor = windlass.hand_off().await;
    ends(&mut kept).await;
    client.assert_open().await;
}

/// Whether who is asked whether it is ready answers on this connection, and keeps it.
async fn is_answered(kept: &mut UnixStream) -> bool {
    let request = b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if kept.write_all(request).await.is_err() {
        return false;
    }
    let mut answer = [0; 4096];
    let length = within("an answer, or an end", kept.read(&mut answer)).await.unwrap_or(0);
    length > 0
}

/// Waits until it is answered no more.
async fn ends(kept: &mut UnixStream) {
    let ends = async { while is_answered(kept).await {} };
    within("the end of what nobody keeps", ends).await;
}
