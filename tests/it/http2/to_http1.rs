//! Requests of an upstream over HTTP/2 that are asked over HTTP/1.1.

use h2::Reason;

use super::by_frames::Frames;
use super::in_front_of;
use crate::rig::{Endpoint, Proxy};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn an_endpoint_that_wants_http1_for_a_request_has_it() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    let mut frames = Frames::accept(&endpoint).await;
    let stream = frames.asked().await;
    assert_eq!(frames.body(5).await, "hello");
    frames.reset(stream, Reason::HTTP_1_1_REQUIRED).await;
    let (mut wire, head) = endpoint.asked().await;
    assert!(head.text.starts_with("POST /a HTTP/1.1\r\n"), "{}", head.text);
    wire.hears("hello").await;
    wire.send(OK).await;
    assert_eq!(client.answer().await.1, "ok");
    let snapshot = proxy.running.proxy().snapshot();
    assert!(snapshot.upstreams()["chat"].endpoints()[0].state().is_eligible());
}

#[tokio::test]
async fn who_authenticates_a_connection_has_one_of_its_own_and_finds_it_again() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut frames = Frames::accept(&endpoint).await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRMTVNTUAABAAAA\r\n\r\n").await;
    let (mut wire, _) = endpoint.asked().await;
    wire.send(OK).await;
    assert_eq!(client.answer().await.1, "ok");
    client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(wire.head().await.text.starts_with("GET /again "));
    wire.send(OK).await;
    assert_eq!(client.answer().await.1, "ok");
    // Others go on over HTTP/2.
    let mut other = proxy.connect().await;
    other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(other.head().await.status(), 204);
}
