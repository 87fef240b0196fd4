//! The line about a tunnel's end: what a call to the support needs.

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, Wire, log};

const KEY: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Opens a tunnel with these headers and ends it; what the client read first.
async fn open_and_end(mut client: Wire, endpoint: &Endpoint, target: &str, headers: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: chat.example\r\n{KEY}{headers}\r\n");
    let mut stream = endpoint.accept_after(&mut client, &request).await;
    stream.send(GRANTED).await;
    let head = client.head().await.in_lower_case();
    drop(stream);
    drop(client);
    head
}

#[tokio::test]
async fn the_line_of_a_tunnel_says_who_asked_for_what_and_how_it_was_placed() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&[endpoint.address()])
        .with("log.headers", "[\"x-request-id\", \"x-absent\"]")
        .with("upstream.chat.pin_cookie", "\"pin\"");
    let proxy = Proxy::serving(&config);
    let client = proxy.connect().await;
    let port = client.stream.local_addr().unwrap().port();
    let headers = "User-Agent: Mozilla/5.0 (Test)\r\nX-Request-Id: 4711\r\nAuthorization: hush\r\n";
    let head = open_and_end(client, &endpoint, "/told?token=hush", headers).await;

    let line = lines.about("/told").await;
    assert_eq!(line["message"], "tunnel ended");
    assert_eq!((&line["client"], &line["client_port"]), (&"127.0.0.1".into(), &port.into()));
    assert_eq!(
        (&line["listener"], &line["route"], &line["upstream"]),
        (&"public".into(), &"chat".into(), &"chat".into())
    );
    assert_eq!((&line["host"], &line["user_agent"]), (&"chat.example".into(), &"Mozilla/5.0 (Test)".into()));
    assert_eq!((&line["headers"], &line["placed"]), (&r#"{"x-request-id":"4711"}"#.into(), &"key".into()));
    assert!(!lines.text().contains("hush"));

    let cookie = head.lines().find_map(|line| line.strip_prefix("Set-Cookie: ").or(line.strip_prefix("set-cookie: ")));
    let cookie = format!("Cookie: {}\r\n", cookie.unwrap().split(';').next().unwrap());
    open_and_end(proxy.connect().await, &endpoint, "/pinned", &cookie).await;
    let line = lines.about("/pinned").await;
    assert_eq!((&line["placed"], line.get("user_agent"), line.get("headers")), (&"cookie".into(), None, None));
}

#[tokio::test]
async fn the_line_of_a_tunnel_tells_a_fallback_and_whose_port_it_knows() {
    let mut lines = log::lines();
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(
        &in_front_of(&[Endpoint::nobody(), endpoint.address()])
            .with("listener.public.trusted_proxies", "[\"127.0.0.0/8\"]"),
    );
    // Of so many clients, the hash means the dead endpoint for some and the living one for others.
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..64 {
        let (path, from) = (format!("/fallback/{number}"), format!("X-Forwarded-For: 192.0.2.{number}\r\n"));
        open_and_end(proxy.connect().await, &endpoint, &path, &from).await;
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
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody()]));
    let mut client = proxy.connect().await;
    client.send(format!("GET /no-tunnel HTTP/1.1\r\nHost: a\r\n{KEY}\r\n")).await;
    client.answer().await;
    client.send("GET /no-page HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.answer().await;

    assert_eq!(lines.about("/no-tunnel").await["upgrade"], "websocket");
    assert_eq!(lines.about("/no-page").await.get("upgrade"), None);
}
