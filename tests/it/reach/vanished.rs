//! `tcp_user_timeout`: an endpoint that vanished under what was sent to it is given up in time, without any ping.

use std::time::Duration;

use tokio::time::Instant;

use crate::rig::{Cable, Config, Endpoint, Frame, Proxy};

#[tokio::test]
#[ignore = "one must be root"]
async fn is_noticed_when_what_was_sent_stays_unacknowledged_for_so_long() {
    let cable = Cable::laid();
    let endpoint = Endpoint::at(cable.listen().await);
    let config = Config::chat([endpoint.address()])
        .with("route.chat.websocket.ping_every", "\"off\"")
        .with("upstream.chat.tcp_user_timeout", "\"1s\"");
    let proxy = Proxy::serving(&config);
    let (mut client, _at_endpoint) = proxy.tunnel(&endpoint).await;
    cable.pull();
    let sent = Instant::now();
    client.send(Frame::text("into the void").by_client()).await;
    assert!(client.frame().await.close_code().is_some());
    let noticed = sent.elapsed();
    // The kernel looks when it would send again.
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&noticed), "{noticed:?}");
}
