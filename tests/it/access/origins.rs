//! Pages of other sites, which a browser lets ask with the cookies of whoever reads them.

use super::{in_front_of, is_refused};
use crate::rig::{Endpoint, Handshake, Proxy, assert_carries, log};

const ALLOWED: &str = r#"["https://app.test", "https://*.app.test", "self"]"#;

#[tokio::test]
async fn a_page_of_another_site_opens_no_tunnel_whatever_cookies_it_brings() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.allowed_origins", ALLOWED));
    let handshake = Handshake::new().with("cookie", "session=real");
    for foreign in [
        "https://evil.test",
        "https://app.test.evil.test",
        "http://app.test",
        "null",
        "https://app.test, https://evil.test",
    ] {
        let request = handshake.clone().with("origin", foreign).bytes();
        is_refused(&proxy, &endpoint, request, (403, "foreign_origin")).await;
    }
    let twice = handshake.clone().with("origin", "https://app.test").with("origin", "https://evil.test").bytes();
    is_refused(&proxy, &endpoint, twice, (403, "foreign_origin")).await;
    for own in ["https://app.test", "https://a.b.app.test:443", "http://chat.test"] {
        let (mut client, mut at_endpoint) = proxy.tunnel_with(&handshake.clone().with("origin", own), &endpoint).await;
        assert_carries(&mut client, &mut at_endpoint).await;
    }
}

#[tokio::test]
async fn a_poll_of_another_site_is_refused_too() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.allowed_origins", ALLOWED));
    let poll =
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: chat.test\r\nOrigin: https://evil.test\r\n\r\n";
    is_refused(&proxy, &endpoint, poll, (403, "foreign_origin")).await;
}

#[tokio::test]
async fn the_log_says_of_which_site_a_page_was_that_may_not_connect() {
    let (mut lines, endpoint) = (log::lines(), Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.allowed_origins", ALLOWED));
    let long = format!("https://{}.test", "x".repeat(1000));
    for (path, origin) in [("/of-localhost", "http://localhost:8080"), ("/of-a-long-one", &long)] {
        let mut client = proxy.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: chat.test\r\nOrigin: {origin}\r\n\r\n")).await;
        assert_eq!(client.head().await.status(), 403);
        let line = lines.about(path).await;
        let logged: String = origin.chars().take(270).collect();
        let detail = format!("the page is of {logged}, which `allowed_origins` does not name");
        assert_eq!((&line["refusal"], &line["detail"]), (&"foreign_origin".into(), &detail.into()), "{line}");
    }
}

#[tokio::test]
async fn who_is_no_browser_passes_unless_the_route_wants_an_origin_of_each_websocket() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address()).with("route.chat.allowed_origins", ALLOWED);
    let passing = Proxy::serving(&config);
    drop(passing.tunnel(&endpoint).await);
    let strict = Proxy::serving(&config.with("route.chat.without_origin", "\"refuse\""));
    is_refused(&strict, &endpoint, Handshake::new().bytes(), (403, "no_origin")).await;
    let mut client = strict.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    endpoint.asked().await;
}
