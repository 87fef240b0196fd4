//! Requests and answers that are seldom seen.

use super::by_frames::{DATA, END_HEADERS, Frames, HEADERS};
use super::endpoint::Http2Endpoint;
use super::in_front_of;
use crate::rig::{Endpoint, Proxy, Wire};

#[tokio::test]
async fn a_request_that_names_no_host_is_for_the_endpoints_own() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET /a HTTP/1.0\r\n\r\n").await;
    let mut asked = endpoint.accept().await.asked().await;
    assert_eq!(asked.request.uri().to_string(), format!("http://{}/a", endpoint.address()));
    asked.say("ok");
    assert_eq!(client.head().await.status(), 200);
}

#[tokio::test]
async fn a_101_over_http2_reaches_no_client() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    let mut frames = Frames::accept(&endpoint).await;
    let stream = frames.asked().await;
    // `:status`, whose name is that of index 8, as a literal (RFC 7541 §6.2.2).
    frames.send(HEADERS, END_HEADERS, stream, b"\x08\x03101").await;
    assert_eq!(client.answer().await.0.status(), 502);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
}

#[tokio::test]
async fn clients_that_leave_together_end_no_others_request() {
    const LEAVING: usize = 60;
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut frames = Frames::accept(&endpoint).await;
    let stays = frames.asked().await;
    let (mut leaving, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..LEAVING {
        let mut client = proxy.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        streams.push(frames.asked().await);
        leaving.push(client);
    }
    leaving.into_iter().for_each(Wire::vanish);
    frames.are_reset(LEAVING).await;
    // What was on its way to them comes all the same.
    for stream in streams {
        frames.flood(DATA, stream, b"x", 200).await;
    }
    frames.say_nothing_more(stays).await;
    assert_eq!(client.head().await.status(), 204);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let stream = frames.asked().await;
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
}
