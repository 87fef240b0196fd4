//! What stands behind a request in one packet: it is read when the request is over, by whoever it is for then.

use super::in_front_of;
use crate::rig::{Endpoint, Frame, Handshake, Proxy};

const NO: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";

#[tokio::test]
async fn behind_an_upgrade_that_the_endpoint_refuses_nothing_reaches_it() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().and(Frame::text("not for you").by_client())).await;
    let (mut stream, _) = endpoint.asked().await;
    stream.send(NO).await;
    assert_eq!(client.answer().await.0.status(), 403);
    stream.is_gone().await;
    // To HTTP, a frame is no request.
    let rest = client.drain().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "{rest}");
}

#[tokio::test]
async fn behind_an_upgrade_that_is_refused_here_nothing_reaches_an_endpoint() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (handshake, status, reason) in [
        (Handshake::new().but("sec-websocket-key", "short"), 400, "bad_handshake"),
        (Handshake::new().but("sec-websocket-version", "8"), 426, "bad_handshake"),
        (Handshake::new().with("content-length", "5"), 400, "upgrade_with_body"),
        (Handshake::new().with("transfer-encoding", "chunked"), 400, "upgrade_with_body"),
        (Handshake::new().with("host", "other.test"), 400, "several_hosts"),
    ] {
        let before = proxy.refusals(reason);
        let mut client = proxy.connect().await;
        client.send(handshake.and(Frame::text("not for you").by_client())).await;
        let (head, _) = endpoint.is_untouched_until(client.answer()).await;
        assert_eq!(head.status(), status, "{handshake:?}");
        client.try_finish().await;
        endpoint.is_untouched_until(client.drain()).await;
        assert_eq!(proxy.refusals(reason), before + 1, "{handshake:?}");
    }
}

#[tokio::test]
async fn behind_an_upgrade_that_is_refused_a_request_is_a_request() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().and("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let (mut stream, _) = endpoint.asked().await;
    stream.send(NO).await;
    assert_eq!(client.answer().await.0.status(), 403);
    let (mut next, head) = endpoint.asked().await;
    assert_eq!(head.first_line(), "GET /next HTTP/1.1");
    next.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
    stream.is_gone().await;
}

#[tokio::test]
async fn behind_an_upgrade_that_is_granted_frames_are_the_tunnels() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let mut client = proxy.connect().await;
    // To HTTP, this would be a bare LF.
    client.send(Handshake::new().and(Frame::text("\n\n").by_client())).await;
    let mut stream = endpoint.grant().await;
    assert_eq!(stream.frame().await, Frame::text("\n\n"));
    assert_eq!(client.head().await.status(), 101);
}

#[tokio::test]
async fn an_upgrade_to_another_protocol_needs_a_body_with_a_length() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.upgrade", "[\"tcp\"]"));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";
    let mut client = proxy.connect().await;
    client.send(format!("{request}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nraw")).await;
    assert_eq!(endpoint.is_untouched_until(client.answer()).await.0.status(), 400);
    assert_eq!(proxy.refusals("upgrade_with_chunks"), 1);
    let mut client = proxy.connect().await;
    client.send(format!("{request}Content-Length: 4\r\n\r\nbody\n\0raw")).await;
    let (mut stream, _) = endpoint.asked().await;
    stream.hears("body").await;
    stream.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 101);
    stream.hears("\n\0raw").await;
}

#[tokio::test]
async fn a_flaw_behind_requests_comes_after_their_answers() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = proxy.connect().await;
    client.send(format!("{get}{get}GET / HTTP/1.1\nHost: a\r\n\r\n{get}")).await;
    for _ in 0..2 {
        let (mut stream, _) = endpoint.asked().await;
        stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        assert_eq!(client.answer().await.1, "ok");
    }
    assert_eq!(endpoint.is_untouched_until(client.answer()).await.0.status(), 400);
    client.is_gone().await;
    assert_eq!(proxy.refusals("bare_lf"), 1);
}
