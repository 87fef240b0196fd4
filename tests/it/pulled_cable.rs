//! A cable that is pulled is noticed within `ping_every + pong_within`.
//!
//! The client lives in a network namespace of its own, behind a link that the test takes down ([`Cable`]).

use std::time::Duration;

use crate::rig::{Cable, Config, Endpoint, Frame, Handshake, Opcode, Program};
use tokio::time::Instant;

const PING_EVERY: Duration = Duration::from_secs(1);
const PONG_WITHIN: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test]
#[ignore = "one must be root"]
async fn is_noticed_within_ping_every_and_pong_within() {
    let cable = Cable::laid();
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("listener.public.bind", &format!("\"{}:0\"", cable.near()))
        .with("route.chat.websocket.ping_every", "\"1s\"")
        .with("route.chat.websocket.pong_within", "\"1s\"");
    let mut program = Program::serving(&config).await;
    let mut client = cable.connect(program.address()).await;
    client.send(Handshake::new().bytes()).await;
    let mut at_endpoint = endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
    // It is pinged, and lives on as long as it answers.
    for _ in 0..3 {
        let ping = client.frame().await;
        assert_eq!(ping.opcode, Opcode::Ping);
        client.send(Frame::new(Opcode::Pong, ping.payload).by_client()).await;
    }
    client.send(Frame::text("the last word").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("the last word"));

    let pulled = Instant::now();
    cable.pull();

    let close = at_endpoint.frame().await;
    let noticed = pulled.elapsed();
    assert_eq!(close, Frame::close(1001, "no answer to ping"));
    assert!(noticed <= PING_EVERY + PONG_WITHIN + SLACK, "{noticed:?}");
    assert!(noticed >= PONG_WITHIN, "before it could answer: {noticed:?}");
    at_endpoint.send(close.by_endpoint()).await;
    drop(at_endpoint);
    let ended = program.logs("\"tunnel ended\"").await;
    assert!(ended.contains("\"why\":\"pong_within\"") && ended.contains("\"ended_by\":\"client\""), "{ended}");
}
