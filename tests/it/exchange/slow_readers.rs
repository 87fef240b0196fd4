//! The last answer of a connection reaches a client that reads it late: an exchange is over for us once the last of it is
//! written to hyper, and for the client once it has read it.

use windlass::session::Phase;

use super::by_hand::ByHand;
use super::in_front_of;
use crate::rig::{Endpoint, SWITCH, Wire, log, within};

/// What hyper takes at once and, with narrow buffers, the kernel does not.
const BODY: usize = 60_000;
/// Nearly as much as may wait before an answer.
const HINTS: usize = 15_000;
/// As narrow as the kernel lets it be.
const NARROW: usize = 1;

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A proxy and a client between which next to nothing fits.
async fn narrow(endpoint: &Endpoint) -> (ByHand, Wire) {
    let proxy = ByHand::with_send_buffer(&in_front_of(&[endpoint.address()]), NARROW);
    let client = Wire::connect_with_receive_buffer(proxy.address(), NARROW as u32).await;
    (proxy, client)
}

fn answer(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {BODY}\r\n\r\n{}", "x".repeat(BODY))
}

/// The client begins to read when the exchange is over for the proxy.
async fn reads_all_of_it_late(mut client: Wire, mut lines: log::Lines, path: &str) {
    let line = lines.about(path).await;
    assert_eq!(line["outcome"], "complete");
    client.head().await;
    assert_eq!(client.drain().await.len(), BODY);
}

#[tokio::test]
async fn an_answer_with_which_a_connection_ends_is_whole_though_the_process_stops() {
    let (mut lines, endpoint) = (log::lines(), Endpoint::listen().await);
    let (proxy, mut client) = narrow(&endpoint).await;
    let request = "GET /stops HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut stream = endpoint.accept_after(&mut client, request).await;
    stream.send(answer("200 OK")).await;
    lines.about("/stops").await;

    proxy.proxy.enter(Phase::Closing);
    proxy.proxy.workers.take_turns().await.unwrap();

    reads_all_of_it_late(client, lines, "/stops").await;
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_is_whole() {
    let (lines, endpoint) = (log::lines(), Endpoint::listen().await);
    let (_proxy, mut client) = narrow(&endpoint).await;
    client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nthe beginning").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.send(answer("413 Content Too Large")).await;
    drop(stream);
    reads_all_of_it_late(client, lines, "/early").await;
}

#[tokio::test]
async fn an_answer_in_place_of_a_100_is_whole() {
    let (lines, endpoint) = (log::lines(), Endpoint::listen().await);
    let (_proxy, mut client) = narrow(&endpoint).await;
    client.send("POST /expects HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10000000\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.send(answer("417 Expectation Failed")).await;
    reads_all_of_it_late(client, lines, "/expects").await;
}

#[tokio::test]
async fn an_endpoint_that_has_switched_for_a_client_that_is_gone_is_told() {
    let endpoint = Endpoint::listen().await;
    let (proxy, mut client) = narrow(&endpoint).await;
    let mut stream = endpoint.accept_after(&mut client, UPGRADE).await;
    let hints = format!("HTTP/1.1 103 Early Hints\r\nLink: <{}>\r\n\r\n", "x".repeat(HINTS));
    stream.send(hints + SWITCH).await;
    // The tunnel waits for its stream: what stands before the 101 is not read yet.
    within("a tunnel", async {
        while proxy.proxy.registry.is_empty() {
            proxy.proxy.workers.take_turns().await.unwrap();
        }
    })
    .await;

    client.vanish();

    let header = stream.bytes(6).await;
    assert_eq!(header[0], 0x88, "a Close");
    let payload: Vec<_> = stream.bytes(usize::from(header[1] & 0x7f)).await;
    let unmasked: Vec<_> = payload.iter().zip(header[2..].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(unmasked, [&1001_u16.to_be_bytes()[..], b"the client is gone"].concat());
    stream.is_gone().await;
}
