//! Metrics of tunnels: how many, how they ended, who comes back, what their clients speak.

use crate::http2_front::client::Http2Client;
use crate::metrics::scraped::Scraped;
use crate::metrics::{is_at, samples, value};
use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy, Wire, until};

/// Ends a tunnel by a Close of the client's, which the endpoint answers.
async fn closed(mut client: Wire, mut at_endpoint: Wire, code: u16) {
    client.send(Frame::close(code, "").by_client()).await;
    assert_eq!(at_endpoint.frame().await.close_code(), Some(code));
    at_endpoint.send(Frame::close(code, "").by_endpoint()).await;
    assert_eq!(client.frame().await.close_code(), Some(code));
}

#[tokio::test]
async fn metrics_of_tunnels_move_when_one_opens_and_when_it_ends() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let opened = r#"windlass_tunnels_opened_total{route="chat",protocol="http/1.1"}"#;
    let open = r#"windlass_listener_tunnels_open{route="chat",listener="public",protocol="http/1.1"}"#;
    let ended = r#"windlass_tunnels_ended_total{route="chat",outcome="closed",by="client",code="1001"}"#;
    assert_eq!([opened, open, ended].map(|series| value(&proxy, series)), [0.0, 0.0, 0.0]);

    let (client, at_endpoint) = proxy.tunnel(&endpoint).await;
    is_at(&proxy, opened, 1.0).await;
    is_at(&proxy, open, 1.0).await;
    closed(client, at_endpoint, 1001).await;

    is_at(&proxy, ended, 1.0).await;
    is_at(&proxy, open, 0.0).await;
    for (histogram, border) in [("windlass_tunnel_duration_seconds", "29.0"), ("windlass_tunnel_quiet_seconds", "15.0")]
    {
        is_at(&proxy, &format!("{histogram}_count{{route=\"chat\"}}"), 1.0).await;
        is_at(&proxy, &format!("{histogram}_bucket{{le=\"{border}\",route=\"chat\"}}"), 1.0).await;
    }
}

#[tokio::test]
async fn metric_reconnections_moves_when_somebody_comes_back_and_says_how_it_had_left() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"chat\"");
    let proxy = Proxy::serving(&config);
    let of = |user: &str| Handshake::new().with("x-user", user);
    let back =
        || samples(&proxy).iter().filter(|(name, _)| name.contains("reconnections")).map(|(_, it)| it).sum::<f64>();

    let (client, at_endpoint) = proxy.tunnel_with(&of("ada"), &endpoint).await;
    closed(client, at_endpoint, 1000).await;
    let (client, at_endpoint) = proxy.tunnel_with(&of("bob"), &endpoint).await;
    drop(client);
    drop(at_endpoint);
    proxy.is_empty().await;
    let _new = proxy.tunnel_with(&of("eve"), &endpoint).await;
    let _elsewhere = proxy.tunnel_with(&of("ada").request("GET /other HTTP/1.1"), &endpoint).await;
    assert_eq!(back(), 0.0, "neither who is new, nor who comes to another route, comes back");

    let _ada = proxy.tunnel_with(&of("ada"), &endpoint).await;
    is_at(&proxy, r#"windlass_reconnections_total{route="chat",after="closed"}"#, 1.0).await;
    let _bob = proxy.tunnel_with(&of("bob"), &endpoint).await;
    let _again = proxy.tunnel_with(&of("bob"), &endpoint).await;
    assert_eq!(back(), 2.0, "one for each ending");
    let lost = ["gone", "broken"]
        .map(|how| value(&proxy, &format!("windlass_reconnections_total{{route=\"chat\",after=\"{how}\"}}")));
    assert_eq!(lost.iter().sum::<f64>(), 1.0, "a client that vanishes has said no goodbye");
}

#[tokio::test]
async fn metrics_of_what_clients_speak_move_by_that_and_come_down_with_the_tunnel() {
    const MADE: &str = "windlass_client_connections_total";
    const OPENED: &str = "windlass_client_tunnels_opened_total";
    const OPEN: &str = "windlass_client_tunnels_open";
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]).with("listener.public.h2c", "true"));
    let before = Scraped::counted(&proxy);
    let moved = |metric: &str| Scraped::counted(&proxy).moved_since(&before, metric);
    let by = |protocol: &str, count: f64| vec![(format!("{{protocol=\"{protocol}\"}}"), count)];

    let (client, at_endpoint) = proxy.tunnel(&endpoint).await;
    until("a tunnel of HTTP/1.1 is counted", || moved(OPEN) == by("http/1.1", 1.0)).await;
    assert_eq!((moved(MADE), moved(OPENED)), (by("http/1.1", 1.0), by("http/1.1", 1.0)));
    closed(client, at_endpoint, 1000).await;
    until("it is open no more", || moved(OPEN).is_empty()).await;

    let client = Http2Client::connect(&proxy).await;
    let (one, _at_endpoint) = client.tunnel("/chat", &endpoint).await;
    let (_two, _at_endpoint) = client.tunnel("/chat", &endpoint).await;
    until("both of HTTP/2 are counted", || moved(OPEN) == by("h2", 2.0)).await;
    assert_eq!(moved(MADE), [by("h2", 1.0), by("http/1.1", 1.0)].concat(), "two tunnels share a connection");
    assert_eq!(moved(OPENED), [by("h2", 2.0), by("http/1.1", 1.0)].concat());
    drop(one);
    until("one of them is over", || moved(OPEN) == by("h2", 1.0)).await;
    assert_eq!(moved(OPENED), [by("h2", 2.0), by("http/1.1", 1.0)].concat(), "what was opened stays so");
}
