//! Metrics of handoffs: what became of the open tunnels of the process before.

use crate::metrics::scraped::Scraped;
use crate::rig::{Config, Endpoint, Frame, Handshake, Program, switch_with, until_async};

fn tunnels(result: &str) -> String {
    format!("windlass_handoff_tunnels_total{{result=\"{result}\"}}")
}

#[tokio::test]
async fn metric_handoff_lost_inflate_limits_counts_whose_messages_refer_to_what_has_not_moved() {
    let metric = "windlass_handoff_lost_inflate_limits_total";
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("route.chat.websocket.max_inflated_message", "\"1MiB\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let mut client = windlass.connect().await;
    client.send(Handshake::new().with("sec-websocket-extensions", "permessage-deflate").bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send(switch_with("sec-websocket-extensions: permessage-deflate\r\n")).await;
    assert_eq!(client.head().await.status(), 101);
    // "Hello", compressed (RFC 7692 §7.2.3.1): what comes later may refer to it.
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    client.send([&[0xc1, 0x87, 0, 0, 0, 0][..], &hello].concat()).await;
    assert_eq!(at_endpoint.frame().await.payload, hello);
    assert_eq!(Scraped::of(&windlass).await.at(metric), 0.0);

    let _successor = windlass.hand_off().await;
    until_async("the count of it", async || Scraped::of(&windlass).await.at(metric) == 1.0).await;
}

#[tokio::test]
async fn metrics_of_a_handoff_move_in_the_process_that_tunnels_come_to() {
    let pause = "windlass_handoff_longest_pause_seconds";
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let (mut client, mut at_endpoint) = windlass.tunnel(&endpoint).await;
    let before = Scraped::of(&windlass).await;
    assert_eq!([before.at(&tunnels("moved")), before.at(&tunnels("gone")), before.at(pause)], [0.0; 3]);

    let successor = windlass.hand_off().await;
    client.send(Frame::text("there").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("there"));
    until_async("the count of what has moved", async || Scraped::of(&windlass).await.at(&tunnels("moved")) == 1.0)
        .await;
    let after = Scraped::of(&windlass).await;
    assert!(after.at(pause) > 0.0 && after.at(&tunnels("gone")) == 0.0);

    // It has no such route: the tunnel stays.
    windlass.write(&config.without("route.chat").with("route.other.upstream", "\"chat\""));
    let _last = windlass.hand_off().await;
    until_async("the count of what stays", async || Scraped::of(&windlass).await.at(&tunnels("gone")) == 1.0).await;
    let last = Scraped::of(&windlass).await;
    assert_eq!([last.at(&tunnels("moved")), last.at(pause)], [0.0; 2]);
    drop(successor);
}
