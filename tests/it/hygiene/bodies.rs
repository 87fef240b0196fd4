//! Bodies of requests, and the trailers behind them.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy};

const HEAD: &str =
    "POST /first HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_whose_end_others_may_see_elsewhere_is_a_400_and_never_whole() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (body, status, reason) in [
        ("3\nabc\r\n0\r\n\r\n", 400, "bare_lf"),
        ("3\r\nabc\n0\r\n\r\n", 400, "bare_lf"),
        ("3;x\nabc\r\n0\r\n\r\n", 400, "bare_lf"),
        ("3\r\nabc\r\n0\r\nX-Sum: 1\n\r\n", 400, "bare_lf"),
        ("3\r\nabc\r\n0\r\n\n", 400, "bare_lf"),
        ("3\rabc\r\n0\r\n\r\n", 400, "bare_cr"),
        ("3;a\rb\r\nabc\r\n0\r\n\r\n", 400, "bare_cr"),
        ("3;\0\r\nabc\r\n0\r\n\r\n", 400, "control_byte"),
        ("3;a=\"\x08\"\r\nabc\r\n0\r\n\r\n", 400, "control_byte"),
        ("3\r\nabc\r\n0\r\nX-Sum: \0\r\n\r\n", 400, "control_byte"),
        ("3\r\nabc\r\n0\r\nX-Sum : 1\r\n\r\n", 400, "space_in_name"),
        ("3\r\nabc\r\n0\r\nX-Sum: 1\r\n 2\r\n\r\n", 400, "obs_fold"),
        ("3\r\nabc\r\n0\r\n: 1\r\n\r\n", 400, "empty_name"),
        ("3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n", 400, "framing_trailer"),
        ("3\r\nabc\r\n0\r\ntransfer-encoding: chunked\r\n\r\n", 400, "framing_trailer"),
        ("8000000000000000\r\nabc\r\n", 400, "chunk_too_large"),
        ("10000000000000003\r\nabc\r\n", 400, "chunk_too_large"),
        ("3\r\nabcd\r\n0\r\n\r\n", 400, "broken_body"),
        ("x\r\nabc\r\n0\r\n\r\n", 400, "broken_body"),
        ("-3\r\nabc\r\n0\r\n\r\n", 400, "broken_body"),
    ] {
        let before = proxy.refusals(reason);
        let mut client = proxy.connect().await;
        client.send(format!("{HEAD}{body}GET /next HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let (head, text) = client.answer().await;
        assert_eq!(head.status(), status, "{body:?}: {text}");
        assert_eq!(head.values("connection"), ["close"], "{body:?}");
        client.is_gone().await;
        assert_eq!(proxy.refusals(reason), before + 1, "{body:?}: {reason}");
        // The endpoint may have been asked already: it reads no end of that.
        let read = endpoint.accept().await.drain().await;
        assert!(read.is_empty() || read.starts_with("POST /first "), "{body:?}: {read}");
        assert!(!read.ends_with("0\r\n\r\n") && !read.contains("GET "), "{body:?}: {read}");
    }
}

#[tokio::test]
async fn a_body_that_is_odd_and_legal_arrives_whole() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for body in ["3\r\nabc\r\n0\r\n\r\n", "003  \r\nabc\r\n00;last\r\n\r\n", "3 ;a=\"b;\tc\";d\r\nabc\r\n0\r\n\r\n"] {
        let mut client = proxy.connect().await;
        client.send(format!("{HEAD}{body}")).await;
        let (mut stream, _) = endpoint.asked().await;
        stream.hears("3\r\nabc\r\n0\r\n\r\n").await;
        stream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204, "{body:?}");
    }
    let mut client = proxy.connect().await;
    client.send(format!("{HEAD}3\r\nabc\r\n0\r\nX-Sum: 1\r\nX_Forwarded_For: 6.6.6.6\r\nHost: b\r\n\r\n")).await;
    let (mut stream, _) = endpoint.asked().await;
    stream.hears("3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n").await;
}

#[tokio::test]
async fn nothing_of_a_body_is_read_as_a_head() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let body = "\nGET / HTTP/1.1\n\0\r\r\n\r\n";
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        client.send(&request).await;
        let (mut stream, _) = endpoint.asked().await;
        stream.hears(body).await;
        stream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204);
    }
}
