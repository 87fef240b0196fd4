//! Names of headers that could be taken for others, and names that Connection gives.

use super::{in_front_of, is_refused};
use crate::rig::{Config, Endpoint, Head, Proxy};

const LINES: &str = "X_Mine: 1\r\nX-Kept: 2\r\nContent_Length: 5\r\nX_Forwarded_For: 6.6.6.6\r\nX-Real_IP: 6.6.6.6\r\n";

/// What the endpoint reads of a request with these lines.
async fn arrived(config: &Config, endpoint: &Endpoint, lines: &str) -> Head {
    let proxy = Proxy::serving(config);
    let mut client = proxy.connect().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).await;
    endpoint.asked().await.1
}

#[tokio::test]
async fn a_name_with_an_underscore_is_dropped_or_passes_or_is_refused_and_an_alias_never_passes() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address());
    let dropped = arrived(&config, &endpoint, LINES).await;
    assert!(dropped.has("X-Kept: 2") && !dropped.text.contains('_'), "{dropped:?}");
    let passing = config.clone().with("listener.public.underscore_headers", "\"pass\"");
    let passed = arrived(&passing, &endpoint, LINES).await;
    assert!(passed.has("X_Mine: 1") && passed.has("X-Kept: 2"), "{passed:?}");
    assert!(passed.text.matches('_').count() == 1, "{passed:?}");
    let refusing = Proxy::serving(&config.with("listener.public.underscore_headers", "\"refuse\""));
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX_Mine: 1\r\n\r\n";
    is_refused(&refusing, &endpoint, request, (400, "underscore")).await;
}

#[tokio::test]
async fn connection_takes_away_what_is_for_one_hop_and_nothing_that_is_for_the_endpoint() {
    let endpoint = Endpoint::listen().await;
    let kept = [
        "Authorization: Basic YQ==",
        "Cookie: a=b",
        "Content-Type: text/plain",
        "Content-Language: en",
        "Origin: https://a",
        "Range: bytes=0-1",
        "If-Match: x",
        "Referer: https://a/b",
        "Sec-Fetch-Mode: cors",
    ];
    let names: Vec<_> = kept.iter().map(|line| line.split_once(':').unwrap().0).collect();
    let lines = format!(
        "Connection: {}, host, content-length, x-forwarded-for, x-hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n{}\r\n",
        names.join(", "),
        kept.join("\r\n")
    );
    let head = arrived(&in_front_of(endpoint.address()), &endpoint, &lines).await;
    for line in kept.iter().chain(&["Host: a", "Content-Length: 0"]) {
        assert!(head.has(line), "{line} in {head:?}");
    }
    assert_eq!(head.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!((head.value("x-hop"), head.value("connection")), (None, None), "{head:?}");
}

#[tokio::test]
async fn another_http_is_never_asked_for() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address());
    let lines = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let head = arrived(&config, &endpoint, lines).await;
    for name in ["connection", "upgrade", "http2-settings"] {
        assert_eq!(head.value(name), None, "{head:?}");
    }
}
