//! Clients and endpoints that make no sense: each gets a clear answer or an end, and nothing else suffers.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, ServingEndpoint};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn nonsense_of_an_endpoint_is_a_502() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfor nobody",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        stream.send(nonsense).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{nonsense}");
        client.hears("502 the endpoint's answer made no sense\n").await;
        stream.drain().await;
        // Its connection is HTTP still.
        endpoint.accept_after(&mut client, GET).await.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 204 "));
    }
}

#[tokio::test]
async fn an_endless_head_of_an_endpoint_is_a_502() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, GET).await;
    stream.send(format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(100_000))).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn an_endpoint_that_closes_without_an_answer_is_a_502() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for half in ["", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        stream.send(half).await;
        drop(stream);
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "));
        client.hears("502 the endpoint gave no answer\n").await;
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_reads_as_cut() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
    for (answer, body) in [("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na", "a"), (chunked, "1\r\na\r\n")] {
        let mut client = proxy.connect().await;
        let mut stream = endpoint.accept_after(&mut client, GET).await;
        stream.send(answer).await;
        client.head().await;
        client.hears(body).await;
        drop(stream);
        client.is_gone().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_exchange_along() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let (mut waiting, mut reading, mut sending) = (proxy.connect().await, proxy.connect().await, proxy.connect().await);
    let unanswered = endpoint.accept_after(&mut waiting, GET).await;
    let mut answering = endpoint.accept_after(&mut reading, GET).await;
    answering.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    reading.head().await;
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let half_sent = endpoint.accept_after(&mut sending, post).await;
    for client in [waiting, reading] {
        client.vanish();
    }
    // In the middle of its request a FIN says enough.
    drop(sending);
    for mut stream in [unanswered, answering, half_sent] {
        stream.is_gone().await;
    }
}

#[tokio::test]
async fn nonsense_of_a_client_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for nonsense in ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "a b c d\r\n\r\n"]
    {
        let mut client = proxy.connect().await;
        client.send(nonsense).await;
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{nonsense:?}: {head}");
        assert!(client.drain().await.starts_with("400 the request cannot be read: "), "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_broken_chunk_of_a_client_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    stream.head().await;
    client.send("2\r\nabc\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 400 "));
    assert_eq!(client.drain().await, "400 the request body is broken\n");
    assert!(!stream.drain().await.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_a_431() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}", "x".repeat(70_000))).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_request_that_two_parsers_read_in_two_ways_is_not_passed_on() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405),
    ] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
    }
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let endpoint = ServingEndpoint::named("a").await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(GET.repeat(5)).await;
    for _ in 0..5 {
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"));
        client.hears("a").await;
    }
}
