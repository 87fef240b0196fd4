//! Requests that are asked again: what of them is sent then, and how often that may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use h2::Reason;
use h2::server::Builder;

use super::by_frames::Frames;
use super::endpoint::{Asked, Http2Endpoint};
use super::in_front_of;
use crate::rig::{Endpoint, Proxy};

#[tokio::test]
async fn a_body_that_comes_back_twice_is_whole() {
    let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of([one.address(), two.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    // In pieces of their own.
    client.send("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n2\r\ngh\r\n0\r\n\r\n").await;
    let (mut refusing, other) = tokio::select! {
        frames = Frames::accept(&one) => (frames, two),
        frames = Frames::accept(&two) => (frames, one),
    };
    let stream = refusing.asked().await;
    assert_eq!(refusing.body(8).await, "abcdefgh");
    // It takes less of it the second time.
    refusing.set_window(2).await;
    refusing.refuse(stream).await;
    let stream = refusing.asked().await;
    assert_eq!(refusing.body(2).await, "ab");
    refusing.refuse(stream).await;
    let mut frames = Frames::accept(&other).await;
    let stream = frames.asked().await;
    assert_eq!(frames.body(8).await, "abcdefgh");
    frames.say_nothing_more(stream).await;
    assert_eq!(client.head().await.status(), 204);
}

#[tokio::test]
async fn endpoints_that_have_too_many_are_not_all_asked() {
    let refused = Arc::new(AtomicUsize::new(0));
    let mut addresses = Vec::new();
    for _ in 0..8 {
        let endpoint = Http2Endpoint::listen().await;
        addresses.push(endpoint.address());
        let refused = Arc::clone(&refused);
        endpoint.serve(move |Asked { mut answer, .. }| {
            refused.fetch_add(1, Ordering::Relaxed);
            async move { answer.send_reset(Reason::REFUSED_STREAM) }
        });
    }
    let proxy = Proxy::serving(&in_front_of(addresses));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 502);
    // Three endpoints, twice each.
    assert_eq!(refused.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn an_upload_that_is_stuck_is_asked_nowhere_else_even_if_it_may_be_repeated() {
    let (one, two) = (Http2Endpoint::listen().await, Http2Endpoint::listen().await);
    let config = in_front_of([one.address(), two.address()]).with("upstream.chat.body_timeout", "\"1s\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n{}", "x".repeat(10_000))).await;
    let mut builder = Builder::new();
    builder.initial_window_size(1000);
    let mut connection = tokio::select! {
        connection = one.accept_as(&builder) => connection,
        connection = two.accept_as(&builder) => connection,
    };
    let mut asked = connection.asked().await;
    assert_eq!(client.answer().await.0.status(), 504);
    assert_eq!(asked.is_reset().await, Reason::CANCEL);
}
