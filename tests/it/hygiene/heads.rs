//! Heads of requests.

use super::{in_front_of, is_refused};
use crate::rig::{Endpoint, Proxy, log};

/// A request with these lines.
fn with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[tokio::test]
async fn a_line_that_others_may_end_elsewhere_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (request, reason) in [
        ("GET / HTTP/1.1\nHost: a\n\n", "bare_lf"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "bare_lf"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\nTransfer-Encoding: chunked\r\n\r\n", "bare_lf"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", "bare_lf"),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bare_lf"),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "bare_cr"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", "bare_cr"),
        ("GET / HTTP/1.1\r\nX: b\r\r\nHost: a\r\n\r\n", "bare_cr"),
        ("GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", "obs_fold"),
        ("GET / HTTP/1.1\r\nX: a\r\n\tb\r\nHost: a\r\n\r\n", "obs_fold"),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obs_fold"),
    ] {
        is_refused(&proxy, &endpoint, request, (400, reason)).await;
    }
}

#[tokio::test]
async fn a_byte_that_has_no_place_in_a_head_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (request, reason) in [
        (with("X: a\0b\r\n"), "control_byte"),
        (with("X: \x08\r\n"), "control_byte"),
        (with("X: a\x7f\r\n"), "control_byte"),
        ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "control_byte"),
        (with("X : b\r\n"), "space_in_name"),
        (with("Content-Length : 5\r\n"), "space_in_name"),
        (with("Transfer-Encoding\t: chunked\r\n"), "space_in_name"),
        (with(": b\r\n"), "empty_name"),
        (with("X\0: b\r\n"), "invalid_name"),
        (with("X(: b\r\n"), "invalid_name"),
        (with("no colon\r\n"), "space_in_name"),
        (with("colon\r\n"), "invalid_name"),
    ] {
        is_refused(&proxy, &endpoint, request, (400, reason)).await;
    }
}

#[tokio::test]
async fn a_length_that_is_none_or_more_than_one_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (lines, reason) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "two_lengths"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "two_lengths"),
        ("Content-Length: 0\r\nContent-Length: 0\r\n", "repeated_length"),
        ("Content-Length: 0\r\nContent-Length: 5\r\n", "repeated_length"),
        ("Content-Length: 0, 0\r\n", "repeated_length"),
        ("Content-Length: 9223372036854775808\r\n", "length_too_large"),
        ("Content-Length: 18446744073709551617\r\n", "length_too_large"),
        ("Content-Length: -1\r\n", "invalid_length"),
        ("Content-Length: +1\r\n", "invalid_length"),
        ("Content-Length: 0x1\r\n", "invalid_length"),
        ("Content-Length:\r\n", "invalid_length"),
        ("Transfer-Encoding: gzip\r\n", "transfer_encoding"),
        ("Transfer-Encoding: gzip, chunked\r\n", "transfer_encoding"),
        ("Transfer-Encoding: chunked, identity\r\n", "transfer_encoding"),
        ("Transfer-Encoding: \x0bchunked\r\n", "control_byte"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "transfer_encoding"),
    ] {
        is_refused(&proxy, &endpoint, with(lines), (400, reason)).await;
    }
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    is_refused(&proxy, &endpoint, old, (400, "transfer_encoding_on_http10")).await;
}

#[tokio::test]
async fn a_request_that_is_for_nobody_or_for_several_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (request, reason) in [
        ("GET / HTTP/1.1\r\n\r\n", (400, "no_host")),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", (400, "several_hosts")),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", (400, "invalid_host")),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", (400, "host_mismatch")),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", (400, "target")),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", (405, "connect")),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", (400, "malformed")),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", (400, "malformed")),
        ("GET /<> HTTP/1.1\r\nHost: a\r\n\r\n", (400, "bad_target")),
    ] {
        is_refused(&proxy, &endpoint, request, reason).await;
    }
}

#[tokio::test]
async fn a_head_is_refused_however_it_is_cut() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n";
    for cut in 0..request.find('\n').unwrap() {
        let mut client = proxy.connect().await;
        let (first, rest) = request.split_at(cut + 20);
        client.send(first).await;
        client.try_send(rest).await;
        assert_eq!(endpoint.is_untouched_until(client.answer()).await.0.status(), 400, "cut at {cut}");
    }
}

#[tokio::test]
async fn the_log_says_what_was_wrong() {
    let mut lines = log::lines();
    let config = in_front_of(Endpoint::nobody()).with("listener.unclean.bind", "\"127.0.0.1:0\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect_to("unclean").await;
    client.send("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n").await;
    client.drain().await;
    let line = lines.about_a_client_of("unclean").await;
    assert_eq!((&line["message"], &line["refusal"]), (&"turned away".into(), &"bare_lf".into()), "{line}");
    assert_eq!((&line["fault"], &line["detail"]), (&"client".into(), &"a line ends with a bare LF".into()), "{line}");
}

#[tokio::test]
async fn what_is_odd_and_legal_arrives_as_one_request() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()));
    for (request, line, lines, body) in [
        ("GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1", &[][..], ""),
        ("\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a HTTP/1.1", &[], ""),
        ("GET /?q=[]|{} HTTP/1.1\r\nhOsT:a\r\n\r\n", "GET /?q=[]|{} HTTP/1.1", &["hOsT: a"], ""),
        (
            "PROPFIND /a HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t a\tb \t\r\n\r\n",
            "PROPFIND /a HTTP/1.1",
            &["X:", "Y: a\tb"],
            "",
        ),
        ("GET http://a/b HTTP/1.1\r\nHost: a:80\r\n\r\n", "GET /b HTTP/1.1", &["Host: a:80"], ""),
        ("POST / HTTP/1.1\r\nHost: a\r\ncontent-length:002\r\n\r\nhi", "POST / HTTP/1.1", &[], "hi"),
        ("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "POST / HTTP/1.1", &["Content-Length: 2"], "hi"),
    ] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (mut stream, head) = endpoint.asked().await;
        assert_eq!(head.first_line(), line);
        for line in lines {
            assert!(head.has(line), "{line:?} in {head:?}");
        }
        stream.hears(body).await;
        stream.has_nothing();
        stream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204, "{request}");
        stream.is_gone().await;
    }
}
