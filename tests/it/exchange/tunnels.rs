//! The line about a tunnel's end: what a call to the support needs.

use crate::exchange::support::endpoint::nobody;
use crate::exchange::support::{Peer, RawEndpoint, TestProxy, log};

const KEY: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Opens a tunnel with these headers and ends it; what the client read first.
async fn open_and_end(mut client: Peer, endpoint: &RawEndpoint, target: &str, headers: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: chat.example\r\n{KEY}{headers}\r\n");
    let mut stream = endpoint.accept_after(&mut client, &request).await;
    stream.send(GRANTED).await;
    let head = client.head().await;
    stream.leave();
    client.leave();
    head
}

#[tokio::test]
async fn the_line_of_a_tunnel_says_who_asked_for_what_and_how_it_was_placed() {
    let mut lines = log::lines();
    let endpoint = RawEndpoint::start().await;
    let proxy = TestProxy::in_front_of(&[endpoint.address()])
        .top("[log]\nheaders = [\"x-request-id\", \"x-absent\"]")
        .upstream("pin_cookie = \"pin\"")
        .start();
    let client = proxy.client().await;
    let port = client.stream.local_addr().unwrap().port();
    let headers = "User-Agent: Mozilla/5.0 (Test)\r\nX-Request-Id: 4711\r\nAuthorization: hush\r\n";
    let head = open_and_end(client, &endpoint, "/told?token=hush", headers).await;

    let line = lines.about("/told").await;
    assert_eq!(line["message"], "tunnel ended");
    assert_eq!((&line["client"], &line["client_port"]), (&"127.0.0.1".into(), &port.into()));
    assert_eq!((&line["listener"], &line["route"], &line["upstream"]), (&"l".into(), &"r".into(), &"u".into()));
    assert_eq!((&line["host"], &line["user_agent"]), (&"chat.example".into(), &"Mozilla/5.0 (Test)".into()));
    assert_eq!((&line["headers"], &line["placed"]), (&r#"{"x-request-id":"4711"}"#.into(), &"key".into()));
    assert!(!lines.text().contains("hush"));

    let cookie = head.lines().find_map(|line| line.strip_prefix("Set-Cookie: ").or(line.strip_prefix("set-cookie: ")));
    let cookie = format!("Cookie: {}\r\n", cookie.unwrap().split(';').next().unwrap());
    open_and_end(proxy.client().await, &endpoint, "/pinned", &cookie).await;
    let line = lines.about("/pinned").await;
    assert_eq!((&line["placed"], line.get("user_agent"), line.get("headers")), (&"cookie".into(), None, None));
}

#[tokio::test]
async fn the_line_of_a_tunnel_tells_a_fallback_and_whose_port_it_knows() {
    let mut lines = log::lines();
    let endpoint = RawEndpoint::start().await;
    let proxy =
        TestProxy::in_front_of(&[nobody(), endpoint.address()]).listener("trusted_proxies = [\"127.0.0.0/8\"]").start();
    // Of so many clients, the hash means the dead endpoint for some and the living one for others.
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..64 {
        let (path, from) = (format!("/fallback/{number}"), format!("X-Forwarded-For: 192.0.2.{number}\r\n"));
        open_and_end(proxy.client().await, &endpoint, &path, &from).await;
        let line = lines.about(&path).await;
        assert_eq!((&line["client"], line.get("client_port")), (&format!("192.0.2.{number}").into(), None));
        assert!(line["proxy_port"].is_u64(), "{line}");
        seen.insert(line["placed"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["fallback", "key"]);
}

#[tokio::test]
async fn a_refused_upgrade_is_told_apart_from_a_page() {
    let mut lines = log::lines();
    let proxy = TestProxy::in_front_of(&[nobody()]).start();
    let mut client = proxy.client().await;
    client.send(format!("GET /no-tunnel HTTP/1.1\r\nHost: a\r\n{KEY}\r\n")).await;
    client.answer().await;
    client.send("GET /no-page HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;

    assert_eq!(lines.about("/no-tunnel").await["upgrade"], "websocket");
    assert_eq!(lines.about("/no-page").await.get("upgrade"), None);
}
