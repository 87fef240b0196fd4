//! `host`: what endpoints read as `Host`, and what of it stays to be read elsewhere.

use crate::rig::{Config, Endpoint, Handshake, Head, Proxy};

/// What the endpoint reads of an exchange, and of an upgrade.
async fn asked(upstream_host: &str, request_lines: &str, trusted: bool) -> [Head; 2] {
    let endpoint = Endpoint::listen().await;
    let mut config = Config::chat([endpoint.address()]).with("upstream.chat.host", upstream_host);
    if trusted {
        config = config.with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    }
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(format!("GET /plain HTTP/1.1\r\nHost: chat.test\r\n{request_lines}\r\n")).await;
    let (mut wire, exchange) = endpoint.asked().await;
    wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);

    let mut client = proxy.connect().await;
    let mut handshake = Handshake::new();
    for line in request_lines.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        handshake = handshake.with(name, value);
    }
    client.send(handshake.bytes()).await;
    let (mut wire, upgrade) = endpoint.asked().await;
    wire.send(Handshake::grant(&upgrade)).await;
    assert_eq!(client.head().await.status(), 101);
    [&exchange, &upgrade].map(|head| Head { text: head.text.replace(&endpoint.address().to_string(), "ENDPOINT") })
}

#[tokio::test]
async fn says_what_endpoints_read_and_what_the_client_asked_for_is_told_beside_it() {
    for (host, read) in
        [("\"keep\"", "chat.test"), ("\"endpoint\"", "ENDPOINT"), ("\"app.internal:81\"", "app.internal:81")]
    {
        for head in asked(host, "", false).await {
            assert_eq!(head.values("host"), [read], "{head:?}");
            assert_eq!(head.values("x-forwarded-host"), ["chat.test"], "{head:?}");
        }
    }
}

#[tokio::test]
async fn what_a_client_claims_to_have_asked_for_is_believed_of_trusted_proxies_alone() {
    for (trusted, told) in [(false, "chat.test"), (true, "outside.test")] {
        for head in asked("\"app.internal\"", "X-Forwarded-Host: outside.test\r\n", trusted).await {
            assert_eq!(head.values("host"), ["app.internal"]);
            assert_eq!(head.values("x-forwarded-host"), [told], "{head:?}");
        }
    }
}

#[tokio::test]
async fn each_endpoint_reads_its_own() {
    let (first, second) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = Config::chat([first.address(), second.address()])
        .with("upstream.chat.host", "\"endpoint\"")
        .with("upstream.chat.policy", "\"round_robin\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let own = async |endpoint: &Endpoint| {
        let (mut wire, head) = endpoint.asked().await;
        assert_eq!(head.values("host"), [endpoint.address().to_string()]);
        // It cannot serve now, so the other one is asked.
        wire.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    };
    tokio::join!(own(&first), own(&second));
    assert_eq!(client.head().await.status(), 503);
}
