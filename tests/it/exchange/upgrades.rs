//! An upgrade that its endpoint does not want: its answer passes, and the client's connection is HTTP still.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy};

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn any_answer_but_a_101_passes_with_its_body() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.pin_cookie", "\"wl\""));
    let mut client = proxy.connect().await;
    for (answer, status, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", "200 OK", "yes"),
        (
            "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            "401 Unauthorized",
            "2\r\nno\r\n0\r\n\r\n",
        ),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found", ""),
        // Until the endpoint closes: it comes in chunks, so that the client's connection stays.
        ("HTTP/1.0 403 Forbidden\r\n\r\nno", "403 Forbidden", "2\r\nno\r\n0\r\n\r\n"),
    ] {
        let mut stream = endpoint.accept_after(&mut client, UPGRADE).await;
        stream.send(answer).await;
        if answer.starts_with("HTTP/1.0") {
            drop(stream);
        }
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
        assert!(head.contains("set-cookie: wl=") && !head.contains("connection"), "{head}");
        client.hears(body).await;
    }
}

#[tokio::test]
async fn what_follows_a_refused_upgrade_is_another_request() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(format!("{UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().starts_with("GET /ws HTTP/1.1\r\n"));
    stream.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno").await;
    client.head().await;
    client.hears("no").await;
    // Not one byte of it came here.
    stream.is_gone().await;
    let mut stream = endpoint.accept().await;
    assert!(stream.head().await.in_lower_case().starts_with("GET /next HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_a_502() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    for nonsense in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let mut stream = endpoint.accept_after(&mut client, UPGRADE).await;
        stream.send(nonsense).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "), "{nonsense}");
        client.hears("502 the endpoint's answer made no sense\n").await;
        stream.is_gone().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_a_passed_answer_along() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, UPGRADE).await;
    stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    client.vanish();
    stream.is_gone().await;
}
