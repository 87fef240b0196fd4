//! Every wait on a peer has a deadline, and none cuts what still moves.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, within};

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_a_504() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.response_timeout", "\"50ms\""));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 504 "));
    client.hears("504 the endpoint took too long to answer\n").await;
    stream.is_gone().await;
    // The client may stay: it did nothing wrong.
    endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
}

#[tokio::test]
async fn an_upload_may_take_longer_than_an_answer() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.response_timeout", "\"100ms\""));
    let mut client = proxy.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    // Twice as long as an answer may take, piece by piece; the endpoint would hear the end if that were counted.
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(20), stream.bytes(1)).await.is_err());
        client.send("x").await;
        stream.hears("x").await;
    }
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 504 "));
}

#[tokio::test]
async fn an_answer_may_rest_for_ever_between_two_pieces() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &in_front_of(&[endpoint.address()])
            .with("listener.public.body_timeout", "\"50ms\"")
            .with("upstream.chat.response_timeout", "\"50ms\"")
            .with("upstream.chat.body_timeout", "\"50ms\"")
            .with("upstream.chat.keep_alive", "\"50ms\""),
    );
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    assert!(timeout(Duration::from_millis(300), client.bytes(1)).await.is_err());
    stream.send("1\r\na\r\n").await;
    client.hears("1\r\na\r\n").await;
}

#[tokio::test]
async fn a_client_that_sends_none_of_its_body_is_a_408() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("listener.public.body_timeout", "\"50ms\""));
    let mut client = proxy.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.hears("abc").await;
    let head = client.head().await.in_lower_case();
    assert!(head.starts_with("HTTP/1.1 408 ") && head.contains("connection: close\r\n"), "{head}");
    assert_eq!(client.drain().await, "408 the request took too long\n");
    stream.is_gone().await;
}

#[tokio::test]
async fn a_client_that_stalls_behind_the_head_of_its_answer_is_cut() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("listener.public.body_timeout", "\"200ms\""));
    let mut client = proxy.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.hears("abc").await;
    stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    client.head().await;
    assert_eq!(client.drain().await, "1\r\na\r\n");
    stream.is_gone().await;
}

#[tokio::test]
async fn an_endpoint_that_takes_none_of_an_upload_is_a_504() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.body_timeout", "\"100ms\""));
    let mut client = proxy.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    let (reader, mut writer) = client.stream.split();
    let piece = vec![0; 1 << 20];
    // More than the sockets between hold; the writer is stopped, and then the answer comes.
    let answer = within("an answer", async {
        tokio::select! {
            never = async { loop { if writer.write_all(&piece).await.is_err() { std::future::pending::<()>().await } } } => never,
            ready = reader.readable() => ready.unwrap(),
        }
    });
    answer.await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 504 "));
    client.hears("504 the endpoint took too long to read the request\n").await;
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("listener.public.head_timeout", "\"50ms\""));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost:").await;
    client.is_gone().await;
    // Nor is a next request.
    let mut idle = proxy.connect().await;
    idle.is_gone().await;
}

#[tokio::test]
async fn a_session_may_rest_for_longer_than_a_head_may_take() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &in_front_of(&[endpoint.address()])
            .with("listener.public.head_timeout", "\"200ms\"")
            .with("listener.public.rest_timeout", "\"1h\""),
    );
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        client.head().await;
        client.hears("ok").await;
        assert!(timeout(Duration::from_millis(600), client.bytes(1)).await.is_err(), "it rests");
    }
    client.send("G").await;
    client.is_gone().await;
}

#[tokio::test]
async fn a_session_rests_no_longer_than_rest_timeout() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &in_front_of(&[endpoint.address()])
            .with("listener.public.head_timeout", "\"1h\"")
            .with("listener.public.rest_timeout", "\"100ms\""),
    );
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    client.head().await;
    client.hears("ok").await;
    client.is_gone().await;
}

#[tokio::test]
async fn a_reader_that_takes_none_of_its_answer_is_cut() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("listener.public.body_timeout", "\"100ms\""));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
    let piece = vec![0; 1 << 20];
    let mut sent = 0;
    // Until the proxy has given up: what it took till then is what the sockets hold and two small buffers.
    while within("the proxy takes it or leaves", stream.stream.write_all(&piece)).await.is_ok() {
        sent += piece.len();
        assert!(sent < 1 << 28, "the proxy collects the answer");
    }
    drop(client);
}
