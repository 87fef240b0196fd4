//! What is turned away before there is a request: each a line, and a count.

use std::net::Ipv4Addr;

use windlass::metrics::{Exposition, Gauges};

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, Wire, log};

/// How many were refused for this reason so far.
fn count(proxy: &Proxy, reason: &str) -> Option<String> {
    let text = proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let series = format!("windlass_refusals_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).map(str::to_owned)
}

#[tokio::test]
async fn what_the_parser_refuses_is_a_line_and_a_count() {
    let mut lines = log::lines();
    let many = "X-A: 1\r\n".repeat(120);
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(70_000));
    for (reason, listener, bytes) in [
        ("bad_target", "quotes", "GET /?a=\"b\" HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("space_in_name", "names", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("malformed", "garbage", "\u{16}\u{3}\u{1}\r\n\r\n"),
        ("too_many_header_lines", "many", &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")),
        ("target_too_long", "long", &long),
        ("http2", "h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("head_too_slow", "slow", "GET / HTTP/1.1\r\nHost:"),
    ] {
        let config = in_front_of(&[Endpoint::nobody()])
            // Of both families: a client of IPv4 is one here, too.
            .with(&format!("listener.{listener}.bind"), "\"[::]:0\"")
            .with(&format!("listener.{listener}.head_timeout"), "\"300ms\"");
        let proxy = Proxy::serving(&config);
        let mut client = Wire::connect((Ipv4Addr::LOCALHOST, proxy.address(listener).port()).into()).await;
        assert_eq!(count(&proxy, reason).as_deref(), Some("0"));
        client.try_send(bytes).await;
        client.drain().await;
        let line = lines.about_a_client_of(listener).await;
        assert_eq!((&line["message"], &line["refusal"]), (&"turned away".into(), &reason.into()), "{line}");
        assert_eq!((&line["level"], &line["client"]), (&"INFO".into(), &"127.0.0.1".into()));
        let is_tls = line["detail"].as_str().is_some_and(|it| it.contains("speaks TLS") && it.contains("no `tls`"));
        assert_eq!(is_tls, listener == "garbage", "{line}");
        assert_eq!(count(&proxy, reason).as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn what_is_said_of_a_target_is_true_of_whatever_is_wrong_with_it() {
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody()]));
    for (line, why) in [
        ("GET  /z HTTP/1.1", "one space between them"),
        ("GET a.example/z HTTP/1.1", "begins with a slash"),
        ("GET http:///z HTTP/1.1", "a whole URI with a host"),
        ("GET /ws", "a target and a version"),
        ("GET /` HTTP/1.1", "a backtick in its path"),
    ] {
        let mut client = proxy.connect().await;
        client.try_send(format!("{line}\r\nHost: a\r\n\r\n")).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 400 "), "{line}");
        let body = client.drain().await;
        assert!(body.contains(why), "{line}: {body}");
    }
}

#[tokio::test]
async fn what_the_parser_refuses_is_told_why() {
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody()]));
    let many = "X-A: 1\r\n".repeat(120);
    for (request, status, why) in [
        ("GET /?a=\"b\" HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request", "quotation mark"),
        (
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "400 Bad Request",
            "there is a space in a header name or before its colon",
        ),
        (
            &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
            "431 Request Header Fields Too Large",
            "100 header lines",
        ),
    ] {
        let mut client = proxy.connect().await;
        client.try_send(request).await;
        let head = client.head().await.in_lower_case();
        let body = client.drain().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\nconnection: close\r\n")), "{head}");
        assert!(head.contains("content-type: text/plain; charset=utf-8\r\n") && head.contains("date: "), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(body.starts_with(status.get(..3).unwrap()) && body.contains(why), "{body}");
    }
}

#[tokio::test]
async fn a_head_behind_another_request_is_told_why_too() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Nothing of an endpoint's is kept back, whatever it looks like.
    stream.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 400 "));
    client.send("GET /<> HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 400 "));
    assert!(client.drain().await.contains("must be written as %XX"));
    assert_eq!(count(&proxy, "bad_target").as_deref(), Some("1"));
}

/// What clients may write and what they may not: so an upgrade of the parser shows.
#[tokio::test]
async fn few_bytes_of_a_target_are_refused() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    for (before, refused) in [("/", &b"<>`\xe4"[..]), ("/?", &b"\"<>\xe4"[..])] {
        for byte in b"!\"$&'()*+,;<=>@[\\]^_`{|}~\xe4" {
            let mut client = proxy.connect().await;
            let target = [before.as_bytes(), &[*byte]].concat();
            client.send([b"GET ", &target[..], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat()).await;
            if refused.contains(byte) {
                assert!(client.drain().await.contains("must be written as %XX"), "{}", target.escape_ascii());
            } else {
                let head = endpoint.accept().await.head().await.in_lower_case();
                let line = format!("GET {} HTTP/1.1\r\n", str::from_utf8(&target).unwrap());
                assert!(head.starts_with(&line), "{head}");
            }
        }
    }
}

#[tokio::test]
async fn a_session_that_rests_or_leaves_is_not_turned_away() {
    let lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&[endpoint.address()])
        .with("listener.resting.bind", "\"127.0.0.1:0\"")
        .with("listener.resting.head_timeout", "\"300ms\"")
        .with("listener.resting.rest_timeout", "\"300ms\"");
    let proxy = Proxy::serving(&config);
    let (mut silent, mut used) = (proxy.connect_to("resting").await, proxy.connect_to("resting").await);
    let mut stream = endpoint.accept_after(&mut used, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    used.head().await;
    used.is_gone().await;
    silent.is_gone().await;
    let mut half = proxy.connect_to("resting").await;
    half.send("GET / HT").await;
    half.finish().await;
    half.is_gone().await;
    assert!(!lines.text().lines().any(|line| line.contains("turned away") && line.contains("resting")));
    for reason in ["malformed", "head_too_slow"] {
        assert_eq!(count(&proxy, reason).filter(|count| count != "0"), None);
    }
}
