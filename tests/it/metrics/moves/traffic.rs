//! Metrics of what passes through open tunnels: they move while those are open.

use crate::metrics::scraped::{Scraped, has_moved, until_at};
use crate::rig::{Config, Endpoint, Frame, Opcode, Program, until_async};

const FROM_CLIENT: &str = r#"{route="chat",direction="from_client"}"#;
const FROM_UPSTREAM: &str = r#"{route="chat",direction="from_upstream"}"#;

/// The route `chat`, and another one that nobody uses.
async fn serving(endpoint: &Endpoint, keys: &[(&str, &str)]) -> Program {
    let config = Config::chat([endpoint.address()])
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"chat\"")
        .with("admin.listen", "\"ADMIN\"");
    let with = |config: Config, (key, value): &(&str, &str)| config.with(&format!("route.chat.websocket.{key}"), value);
    Program::serving(&keys.iter().fold(config, with)).await
}

#[tokio::test]
async fn metrics_of_messages_move_by_direction_while_the_tunnel_is_open() {
    let endpoint = Endpoint::listen().await;
    let windlass = serving(&endpoint, &[]).await;
    let (mut client, mut at_endpoint) = windlass.tunnel(&endpoint).await;
    let before = Scraped::of(&windlass).await;
    for direction in [FROM_CLIENT, FROM_UPSTREAM] {
        assert_eq!(before.at(&format!("windlass_tunnel_messages_total{direction}")), 0.0);
        assert_eq!(before.at(&format!("windlass_tunnel_bytes_total{direction}")), 0.0);
    }

    let (hello, ones) = (Frame::text("hello"), Frame::text(&"1".repeat(300)));
    client.send(hello.by_client()).await;
    assert_eq!(at_endpoint.frame().await, hello);
    for _ in 0..2 {
        at_endpoint.send(ones.by_endpoint()).await;
        assert_eq!(client.frame().await, ones);
    }

    // A header has two bytes, a length above 125 has two more, and what clients send is masked by four.
    let (up, down) = (2.0 + 4.0 + 5.0, 2.0 * (2.0 + 2.0 + 300.0));
    for (metric, by) in [
        ("windlass_tunnel_messages_total", [1.0, 2.0]),
        ("windlass_tunnel_bytes_total", [up, down]),
        ("windlass_tunnel_message_size_bytes_count", [1.0, 2.0]),
        ("windlass_tunnel_message_size_bytes_sum", [5.0, 600.0]),
    ] {
        has_moved(&windlass, &before, metric, &[(FROM_CLIENT, by[0]), (FROM_UPSTREAM, by[1])]).await;
    }
    has_moved(&windlass, &before, "windlass_tunnel_pings_total", &[]).await;
}

#[tokio::test]
async fn metric_tunnel_pings_moves_by_pings_of_the_peers_which_are_no_messages() {
    let endpoint = Endpoint::listen().await;
    let windlass = serving(&endpoint, &[]).await;
    let (mut client, mut at_endpoint) = windlass.tunnel(&endpoint).await;
    let before = Scraped::of(&windlass).await;
    let (ping, pong) = (Frame::new(Opcode::Ping, "?"), Frame::new(Opcode::Pong, "?"));
    for _ in 0..3 {
        client.send(ping.by_client()).await;
        assert_eq!(at_endpoint.frame().await, ping);
        at_endpoint.send(pong.by_endpoint()).await;
        assert_eq!(client.frame().await, pong);
    }
    at_endpoint.send(ping.by_endpoint()).await;
    assert_eq!(client.frame().await, ping);

    has_moved(&windlass, &before, "windlass_tunnel_pings_total", &[(FROM_CLIENT, 3.0), (FROM_UPSTREAM, 1.0)]).await;
    let bytes = [(FROM_CLIENT, 3.0 * 7.0), (FROM_UPSTREAM, 4.0 * 3.0)];
    has_moved(&windlass, &before, "windlass_tunnel_bytes_total", &bytes).await;
    has_moved(&windlass, &before, "windlass_tunnel_messages_total", &[]).await;
    has_moved(&windlass, &before, "windlass_tunnel_ping_seconds_count", &[]).await;
}

#[tokio::test]
async fn metric_tunnel_ping_seconds_moves_by_the_side_that_answers_a_ping_of_windlass() {
    let endpoint = Endpoint::listen().await;
    for side in ["client", "upstream"] {
        let every = format!("{{ {side} = \"100ms\" }}");
        let windlass = serving(&endpoint, &[("ping_every", &every)]).await;
        let (mut client, mut at_endpoint) = windlass.tunnel(&endpoint).await;
        let before = Scraped::of(&windlass).await;
        let ping = if side == "client" { client.frame().await } else { at_endpoint.frame().await };
        assert_eq!(ping.opcode, Opcode::Ping);
        has_moved(&windlass, &before, "windlass_tunnel_ping_seconds_count", &[]).await;
        let pong = Frame::new(Opcode::Pong, ping.payload);
        match side {
            "client" => client.send(pong.by_client()).await,
            _ => at_endpoint.send(pong.by_endpoint()).await,
        }
        let labels = format!("{{route=\"chat\",side=\"{side}\"}}");
        has_moved(&windlass, &before, "windlass_tunnel_ping_seconds_count", &[(&labels, 1.0)]).await;
        assert!(Scraped::of(&windlass).await.at(&format!("windlass_tunnel_ping_seconds_sum{labels}")) > 0.0);
        has_moved(&windlass, &before, "windlass_tunnel_pings_total", &[]).await;
    }
}

#[tokio::test]
async fn metric_tunnel_held_back_seconds_moves_while_a_client_reads_nothing_and_stands_once_its_tunnel_is_over() {
    const METRIC: &str = "windlass_tunnel_held_back_seconds_total";
    let endpoint = Endpoint::listen().await;
    let windlass = serving(&endpoint, &[("stall_timeout", "\"1min\""), ("ping_every", "\"off\"")]).await;
    let (client, mut at_endpoint) = windlass.tunnel(&endpoint).await;
    let before = Scraped::of(&windlass).await;
    has_moved(&windlass, &Scraped::nothing(), METRIC, &[]).await;
    let pushing = tokio::spawn(async move {
        let message = Frame::new(Opcode::Binary, vec![0; 64 * 1024]).by_endpoint();
        loop {
            at_endpoint.try_send(&message).await;
        }
    });
    let held_back = format!("{METRIC}{FROM_UPSTREAM}");
    let first = until_at(&windlass, &held_back, |it| it > 0.0).await;
    until_at(&windlass, &held_back, |it| it > first).await;
    let other = format!("{METRIC}{FROM_CLIENT}");
    assert_eq!(Scraped::of(&windlass).await.at(&other), 0.0, "nobody holds the client back");

    pushing.abort();
    assert!(pushing.await.unwrap_err().is_cancelled());
    drop(client);
    let ended =
        async || Scraped::of(&windlass).await.at(r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="a"}"#);
    until_async("the tunnel is over", async || ended().await == 0.0).await;
    let after = Scraped::of(&windlass).await.at(&held_back);
    has_moved(&windlass, &before, METRIC, &[(FROM_UPSTREAM, after)]).await;
}
