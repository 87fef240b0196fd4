//! `Expect: 100-continue` from end to end.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, Wire};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

/// A client that expects a 100, and the endpoint that has read so.
async fn expecting() -> (Wire, Wire, Proxy) {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(HEAD).await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().contains("expect: 100-continue\r\n"));
    (client, stream, proxy)
}

#[tokio::test]
async fn a_100_passes_and_then_the_body() {
    let (mut client, mut stream, _proxy) = expecting().await;
    stream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.hears("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hello").await;
    stream.hears("hello").await;
    stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"));
    client.hears("ok").await;
    // Both connections go on.
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(stream.head().await.in_lower_case().starts_with("GET /next "));
}

#[tokio::test]
async fn an_endpoint_that_says_nothing_gets_the_body_in_the_end() {
    let (mut client, mut stream, _proxy) = expecting().await;
    client.hears("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hello").await;
    stream.hears("hello").await;
}

#[tokio::test]
async fn a_final_answer_comes_at_once_and_the_body_is_never_asked_for() {
    let (mut client, mut stream, _proxy) = expecting().await;
    stream.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
    let head = client.head().await.in_lower_case();
    assert!(head.starts_with("HTTP/1.1 417 ") && head.contains("connection: close\r\n"), "{head}");
    assert_eq!(client.drain().await, "no");
    stream.is_gone().await;
}

#[tokio::test]
async fn a_body_that_comes_unasked_is_not_read_after_a_final_answer() {
    let (mut client, mut stream, _proxy) = expecting().await;
    // A body that lasts longer than anybody's patience with a 100.
    stream.send("HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    client.head().await;
    client.hears("1\r\na\r\n").await;
    client.send("hello").await;
    tokio::time::timeout(std::time::Duration::from_millis(1300), stream.head()).await.expect_err("nothing is sent");
    stream.send("0\r\n\r\n").await;
    assert_eq!(client.drain().await, "0\r\n\r\n");
    stream.is_gone().await;
}

#[tokio::test]
async fn other_interim_answers_pass_beside_a_100() {
    let (mut client, mut stream, _proxy) = expecting().await;
    stream.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
    client.hears("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
    stream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.hears("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hello").await;
    stream.hears("hello").await;
    stream.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    client.hears("HTTP/1.1 103 Early Hints\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_served() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(format!("{HEAD}hello")).await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.hears("hello").await;
}
