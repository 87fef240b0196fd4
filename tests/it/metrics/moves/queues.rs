//! Metrics of those who wait for a turn or a place.

use crate::metrics::scraped::{Scraped, has_moved, until_at};
use crate::rig::{Config, Endpoint, Handshake, Program, Wire};

const WAITED: &str = "windlass_queue_waiting_seconds_count";

/// A client that has asked for a WebSocket.
async fn asking(windlass: &Program) -> Wire {
    let mut client = windlass.connect().await;
    client.send(Handshake::new().bytes()).await;
    client
}

async fn serving(endpoint: &Endpoint, key: &str, value: &str) -> Program {
    let config = Config::chat([endpoint.address()])
        .with(&format!("upstream.chat.{key}"), value)
        .endpoints("other", [Endpoint::nobody()])
        .with(&format!("upstream.other.{key}"), value)
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"other\"")
        .with("admin.listen", "\"ADMIN\"");
    Program::serving(&config).await
}

#[tokio::test]
async fn metrics_of_turns_tell_who_waits_for_one_and_for_how_long_it_did() {
    let endpoint = Endpoint::listen().await;
    let windlass = serving(&endpoint, "handshakes_at_once", "1").await;
    let of_chat = r#"{upstream="chat",endpoint="a"}"#;
    let before = Scraped::of(&windlass).await;
    assert_eq!(before.at(&format!("windlass_handshakes_limit{of_chat}")), 1.0);
    assert_eq!(before.at(&format!("windlass_handshakes_waiting{of_chat}")), 0.0);

    let mut first = asking(&windlass).await;
    let (mut with_first, asked) = endpoint.asked().await;
    let mut second = asking(&windlass).await;
    has_moved(&windlass, &before, "windlass_handshakes_waiting", &[(of_chat, 1.0)]).await;
    has_moved(&windlass, &before, WAITED, &[]).await;
    with_first.send(Handshake::grant(&asked)).await;
    let _with_second = endpoint.grant().await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.head().await.status(), 101);
    }
    has_moved(&windlass, &before, "windlass_handshakes_waiting", &[]).await;
    has_moved(&windlass, &before, WAITED, &[("", 1.0)]).await;
    assert!(Scraped::of(&windlass).await.at("windlass_queue_waiting_seconds_sum") > 0.0);
}

#[tokio::test]
async fn metric_handshakes_limit_falls_with_an_endpoint_that_says_it_cannot() {
    let endpoint = Endpoint::listen().await;
    let windlass = serving(&endpoint, "handshakes_at_once", "{ start = 8, min = 2, max = 20 }").await;
    let before = Scraped::of(&windlass).await;
    let of_chat = r#"{upstream="chat",endpoint="a"}"#;
    assert_eq!(before.at(&format!("windlass_handshakes_limit{of_chat}")), 8.0);
    let mut client = asking(&windlass).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 503);
    has_moved(&windlass, &before, "windlass_handshakes_limit", &[(of_chat, -2.0)]).await;
}

#[tokio::test]
async fn metric_places_waiting_tells_who_waits_until_a_tunnel_ends() {
    const WAITING: &str = r#"windlass_places_waiting{upstream="chat"}"#;
    let endpoint = Endpoint::listen().await;
    let windlass = serving(&endpoint, "max_tunnels", "1").await;
    let before = Scraped::of(&windlass).await;
    assert_eq!(before.at(WAITING), 0.0);
    let (client, at_endpoint) = windlass.tunnel(&endpoint).await;
    let mut second = asking(&windlass).await;
    has_moved(&windlass, &before, "windlass_places_waiting", &[(r#"{upstream="chat"}"#, 1.0)]).await;
    drop((client, at_endpoint));
    let _with_second = endpoint.grant().await;
    assert_eq!(second.head().await.status(), 101);
    until_at(&windlass, WAITING, |it| it == 0.0).await;
    has_moved(&windlass, &before, WAITED, &[("", 1.0)]).await;
}
