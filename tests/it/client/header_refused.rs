//! What begins with no PROXY header where it has to is cut: each a line, and a count.

use super::{behind_balancers, count, version_2};
use crate::rig::{Endpoint, Proxy, log, until};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn what_is_no_header_is_cut_with_a_line_and_a_count() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let mut checksum = version_2(0x21, &[3, 0, 4, 1, 2, 3, 4]);
    checksum.extend(REQUEST.as_bytes());
    for (reason, listener, bytes) in [
        ("no_proxy_header", "header-request", REQUEST.as_bytes().to_vec()),
        ("no_proxy_header", "header-tls", vec![0x16, 3, 1, 0, 200, 1, 0]),
        (
            "bad_proxy_header",
            "header-fields",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        ),
        ("bad_proxy_header", "header-line", [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat()),
        ("bad_proxy_header", "header-datagrams", b"\r\n\r\n\0\r\nQUIT\n\x21\x12\x00\x0c".to_vec()),
        ("bad_proxy_header", "header-long", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec()),
        ("bad_proxy_header", "header-checksum", checksum),
        ("proxy_header_too_slow", "header-half", b"PROXY TCP4 1.1.1.1".to_vec()),
        ("untrusted_proxy", "header-stranger", b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n".to_vec()),
    ] {
        let trusted = if reason == "untrusted_proxy" { "[\"10.0.0.0/8\"]" } else { "[\"127.0.0.1\"]" };
        let config = behind_balancers(&endpoint)
            .with(&format!("listener.{listener}.bind"), "\"127.0.0.1:0\"")
            .with(&format!("listener.{listener}.proxy_protocol"), "\"required\"")
            .with(&format!("listener.{listener}.proxy_header_timeout"), "\"200ms\"")
            .with(&format!("listener.{listener}.trusted_proxies"), trusted);
        let proxy = Proxy::serving(&config);
        assert_eq!(count(&proxy, reason), 0);
        let mut client = proxy.connect_to(listener).await;
        client.try_send(bytes).await;
        endpoint.is_untouched_until(client.is_gone()).await;
        let line = lines.about_a_client_of(listener).await;
        assert_eq!((&line["message"], &line["refusal"]), (&"turned away".into(), &reason.into()), "{line}");
        assert_eq!((&line["level"], &line["client"]), (&"INFO".into(), &"127.0.0.1".into()));
        assert_eq!(count(&proxy, reason), 1);
        proxy.is_empty().await;
    }
}

#[tokio::test]
async fn who_leaves_is_told_from_who_only_looks_in() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_balancers(&endpoint).with("listener.public.proxy_header_timeout", "\"200ms\""));
    let mut silent = proxy.connect().await;
    let mut looking = proxy.connect().await;
    looking.finish().await;
    looking.is_gone().await;
    silent.is_gone().await;
    let mut leaving = proxy.connect().await;
    leaving.send("PROXY ").await;
    leaving.finish().await;
    leaving.is_gone().await;
    until("who left is counted", || count(&proxy, "proxy_header_left") == 1).await;
    assert_eq!(count(&proxy, "proxy_header_too_slow"), 0);
}
