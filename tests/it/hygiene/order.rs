//! Header lines keep their order, whatever is taken out or written anew. Lines of one name stand together, where the first stood.

use super::in_front_of;
use crate::rig::{Endpoint, Handshake, Head, Proxy, SWITCH};

/// The lines of a head, but for those that we write ourselves.
fn lines(head: &Head) -> Vec<&str> {
    let is_ours = |line: &&str| ["X-Forwarded-", "Windlass-Hops", "Date"].iter().any(|name| line.starts_with(name));
    head.lines().into_iter().filter(|line| !is_ours(line)).collect()
}

#[tokio::test]
async fn of_a_request_and_its_answer() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let mut client = proxy.connect().await;
    client
        .send(
            "POST / HTTP/1.1\r\nZ: 1\r\nX_a: 1\r\nHost: a\r\nConnection: te, x-hop\r\nAccept: 1\r\nX-Hop: 1\r\n\
             Forwarded: for=b\r\nB: 1\r\nAccept: 2\r\nKeep-Alive: 1\r\nContent-Length: 0\r\nTE: trailers\r\nA: 1\r\n\r\n",
        )
        .await;
    let (mut stream, head) = endpoint.asked().await;
    let expected = [
        "Z: 1",
        "Host: a",
        "Connection: TE",
        "Accept: 1",
        "Accept: 2",
        "B: 1",
        "Content-Length: 0",
        "TE: trailers",
        "A: 1",
    ];
    assert_eq!(lines(&head), expected, "{head:?}");
    stream
        .send(
            "HTTP/1.1 200 OK\r\nz: 1\r\nKeep-Alive: 1\r\nSet-Cookie: a\r\nX-Hop: 1\r\nServer: s\r\nconnection: x-hop\r\n\
             Content-Length: 2\r\nset-cookie: b\r\nUpgrade: h2\r\nA: 1\r\n\r\nok",
        )
        .await;
    let head = client.head().await;
    let expected = ["z: 1", "Set-Cookie: a", "set-cookie: b", "Server: s", "Content-Length: 2", "A: 1"];
    assert_eq!(lines(&head), expected, "{head:?}");
}

#[tokio::test]
async fn of_a_handshake_and_its_answer() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address()).with("route.chat.websocket.compression", "\"refuse\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let handshake = Handshake::new()
        .without("connection")
        .with("sec-websocket-extensions", "permessage-deflate, x-one")
        .with("a", "1")
        .with("connection", "keep-alive, upgrade")
        .with("keep-alive", "1")
        .with("sec-websocket-extensions", "permessage-deflate")
        .with("z", "1")
        .with("expect", "100-continue")
        .with("b", "1");
    client.send(handshake.bytes()).await;
    let (mut stream, head) = endpoint.asked().await;
    let names: Vec<_> = lines(&head).into_iter().map(|line| line.split_once(':').unwrap().0).collect();
    let expected = [
        "Host",
        "Upgrade",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Extensions",
        "A",
        "Connection",
        "Z",
        "B",
    ];
    assert_eq!(names, expected, "{head:?}");
    let answer = SWITCH.replace("\r\nConnection", "\r\nZ: 1\r\nKeep-Alive: 1\r\nContent-Length: 0\r\nConnection");
    stream.send(answer.replace("\r\n\r\n", "\r\nA: 1\r\n\r\n")).await;
    let head = client.head().await;
    let names: Vec<_> = lines(&head).into_iter().map(|line| line.split_once(':').unwrap().0).collect();
    assert_eq!(names, ["Upgrade", "Z", "Connection", "Sec-WebSocket-Accept", "A"], "{head:?}");
}
