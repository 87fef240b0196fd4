//! What a route lets through of a plain exchange: how much, for how long.

use super::in_front_of;
use crate::rig::{Config, Endpoint, Proxy, log};

/// A proxy that takes ten bytes of a body.
fn taking_ten(endpoint: &Endpoint) -> Proxy {
    Proxy::serving(&in_front_of(&[endpoint.address()]).with("route.chat.max_body", "\"10B\""))
}

#[tokio::test]
async fn a_body_that_says_to_be_too_large_reaches_no_endpoint() {
    let endpoint = Endpoint::listen().await;
    let proxy = taking_ten(&endpoint);
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n").await;
    let (head, body) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!((head.status(), head.values("connection")), (413, vec!["close"]), "{head:?}");
    assert_eq!(body, "413 the request body is larger than what is taken here\n");
    client.is_gone().await;
    assert_eq!(proxy.refusals("body_too_large"), 1);
}

#[tokio::test]
async fn a_client_that_sends_on_reads_why_it_is_refused() {
    let endpoint = Endpoint::listen().await;
    let proxy = taking_ten(&endpoint);
    let mut client = proxy.connect().await;
    let body = "x".repeat(1 << 20);
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len())).await;
    client.try_send(&body).await;
    assert_eq!(client.head().await.status(), 413);
}

#[tokio::test]
async fn a_body_in_chunks_is_cut_where_it_gets_too_large() {
    let endpoint = Endpoint::listen().await;
    let proxy = taking_ten(&endpoint);
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    stream.hears("A\r\n0123456789\r\n").await;
    client.send("1\r\nx\r\n").await;
    let (head, _) = client.answer().await;
    assert_eq!(head.status(), 413);
    stream.is_gone().await;
    assert_eq!(proxy.refusals("body_too_large"), 1);
}

#[tokio::test]
async fn a_body_that_just_fits_passes_in_either_form() {
    let endpoint = Endpoint::listen().await;
    let proxy = taking_ten(&endpoint);
    for (length, body) in
        [("Content-Length: 10", "0123456789"), ("Transfer-Encoding: chunked", "A\r\n0123456789\r\n0\r\n\r\n")]
    {
        let mut client = proxy.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{body}")).await;
        let mut stream = endpoint.accept().await;
        stream.head().await;
        stream.hears(body).await;
        stream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204);
    }
}

/// A proxy whose exchanges may take a moment.
fn in_a_hurry(endpoint: &Endpoint) -> Proxy {
    Proxy::serving(&in_front_of(&[endpoint.address()]).with("route.chat.request_timeout", "\"200ms\""))
}

#[tokio::test]
async fn an_answer_that_goes_on_for_too_long_is_cut_and_looks_so() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = in_a_hurry(&endpoint);
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET /overdue HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    client.head().await;
    assert_eq!(client.rest().await, b"1\r\na\r\n", "an end that it does not have");
    stream.is_gone().await;
    let line = lines.about("/overdue").await;
    assert_eq!((&line["outcome"], &line["status"]), (&"overdue".into(), &200.into()), "{line}");
}

#[tokio::test]
async fn a_tunnel_is_held_to_neither() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&[endpoint.address()]).with("route.chat.request_timeout", "\"50ms\"");
    let proxy = Proxy::serving(&config.with("route.chat.max_body", "\"1B\""));
    let (mut client, mut at_endpoint) = proxy.tunnel(&endpoint).await;
    crate::rig::assert_carries(&mut client, &mut at_endpoint).await;
}

/// What gives requests names.
fn naming(endpoint: &Endpoint) -> Config {
    in_front_of(&[endpoint.address()]).with("route.chat.request_id", "\"x-request-id\"")
}

#[tokio::test]
async fn a_request_has_one_name_at_its_endpoint_and_in_its_line() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&naming(&endpoint));
    let mut client = proxy.connect().await;
    client.send("GET /named HTTP/1.1\r\nHost: a\r\nX-Request-Id: forged\r\ntraceparent: 00-4bf9-00f0-01\r\n\r\n").await;
    let (mut stream, head) = endpoint.asked().await;
    let name = head.value("x-request-id").unwrap().to_owned();
    assert!(name.len() == 32 && head.values("x-request-id").len() == 1, "{head:?}");
    assert_eq!(head.value("traceparent"), Some("00-4bf9-00f0-01"));
    stream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(lines.about("/named").await["request_id"], *name);
}

#[tokio::test]
async fn a_trusted_proxy_has_named_it_already() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&naming(&endpoint).with("listener.public.trusted_proxies", "[\"127.0.0.1\"]"));
    let handshake = crate::rig::Handshake::new().request("GET /named-before HTTP/1.1").with("x-request-id", "lb-17");
    drop(proxy.tunnel_with(&handshake, &endpoint).await);
    assert_eq!(lines.about("/named-before").await["request_id"], "lb-17");
}

#[tokio::test]
async fn a_refusal_has_the_name_too() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&naming(&endpoint).with("route.chat.max_body", "\"1B\""));
    let mut client = proxy.connect().await;
    client.send("POST /named-refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").await;
    client.head().await;
    let line = lines.about("/named-refused").await;
    assert_eq!(line["request_id"].as_str().map(str::len), Some(32), "{line}");
}
