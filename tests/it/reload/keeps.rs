//! The changes that touch no tunnel.

use windlass::config::{HandoffTunnels, StopTunnels};

use super::site::{Site, Tunnel};
use crate::rig::{Frame, Handshake};

#[tokio::test]
async fn the_weights_of_a_split() {
    let split = |chat, games| {
        format!("[{{ upstream = \"chat\", weight = {chat} }}, {{ upstream = \"games\", weight = {games} }}]")
    };
    let site = Site::open_with(|config| {
        config.without("route.chat").with("route.chat.path", "\"/chat\"").with("route.chat.split", &split(1, 0))
    })
    .await;
    site.keeps_all(|config| config.with("route.chat.split", &split(0, 1))).await;
}

#[tokio::test]
async fn nothing_changed() {
    let mut site = Site::open().await;

    let reloaded = site.change(|config| config);

    assert!(reloaded.diff.is_empty());
    assert_eq!((reloaded.draining, reloaded.generation), (0, 1));
    site.chat.carries().await;
}

#[tokio::test]
async fn a_default_written_out_is_no_change() {
    let mut site = Site::open().await;

    let reloaded = site.change(|config| {
        config
            .with("upstream.chat.connect_timeout", "\"2000ms\"")
            .with("route.chat.websocket.max_message", "{ from_client = \"65536KiB\" }")
            .with("route.chat.upgrade", "[\"websocket\"]")
    });

    assert_eq!((reloaded.diff.changes, reloaded.generation), (vec![], 1));
}

#[tokio::test]
async fn a_weight() {
    let site = Site::open().await;
    let endpoint = format!("[{{ name = \"a\", address = \"{}\", weight = 7 }}]", site.chat_endpoint.address());
    site.keeps_all(|config| config.with("upstream.chat.endpoints", &endpoint)).await;
}

#[tokio::test]
async fn limits_and_open_tunnels_keep_those_they_were_born_with() {
    let mut site = Site::open().await;
    let long = Frame::text("longer than the new limit");
    site.change(|config| {
        config
            .with("route.chat.websocket.max_message", "\"10B\"")
            .with("route.chat.websocket.ping_every", "\"1h\"")
            .with("route.chat.websocket.idle_timeout", "\"1h\"")
    });

    site.chat.client.send(long.by_client()).await;
    assert_eq!(site.chat.endpoint.frame().await, long);

    let mut newer = Tunnel::open(&site.proxy, "public", "/chat", &site.chat_endpoint).await;
    newer.client.send(long.by_client()).await;
    assert_eq!(newer.client.frame().await.close_code(), Some(1009));
    site.chat.carries().await;
}

#[tokio::test]
async fn timeouts_policies_and_the_drain_itself() {
    let site = Site::open().await;
    site.keeps_all(|config| {
        config
            .with("listener.public.head_timeout", "\"7s\"")
            .with("listener.public.trusted_proxies", "[\"10.0.0.0/8\"]")
            .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
            .with("upstream.chat.pin_cookie", "\"pin\"")
            .with("upstream.chat.handshake_timeout", "\"7s\"")
            .with("drain.close_code", "1001")
            .with("log.level", "\"warn\"")
            .with("route.chat.upgrade", "[]")
    })
    .await;
}

#[tokio::test]
async fn what_becomes_of_tunnels_at_a_handoff_and_at_a_stop() {
    let mut site = Site::open().await;

    let reloaded =
        site.change(|config| config.with("drain.handoff.tunnels", "\"drain\"").with("drain.stop.tunnels", "\"keep\""));

    let drain = site.proxy.running.proxy().snapshot().settings.drain;
    assert_eq!((drain.handoff.tunnels, drain.stop_tunnels), (HandoffTunnels::Drain, StopTunnels::Keep));
    let told = reloaded.diff.changes[0].to_string();
    assert!(told.contains("handoff.tunnels: default → drain"), "{told}");
    assert!(told.contains("stop.tunnels: default → keep"), "{told}");
    assert_eq!((reloaded.draining, reloaded.generation), (0, 2));
    site.chat.carries().await;
}

#[tokio::test]
async fn whether_http2_carries_websockets() {
    let site = Site::open().await;
    site.keeps_all(|config| config.with("listener.public.http2_websockets", "false")).await;
}

#[tokio::test]
async fn a_new_endpoint() {
    let site = Site::open().await;
    let addresses = [site.chat_endpoint.address(), site.games_endpoint.address()];
    site.keeps_all(|config| config.endpoints("chat", addresses)).await;
}

#[tokio::test]
async fn a_new_route_that_shadows() {
    let site = Site::open().await;
    site.keeps_all(|config| {
        config
            .with("route.room.path", "\"/chat/room\"")
            .with("route.room.upstream", "\"games\"")
            .with("route.exact.hosts", "[\"chat.test\"]")
            .with("route.exact.upstream", "\"games\"")
    })
    .await;
}

#[tokio::test]
async fn a_new_listener() {
    let mut site = Site::open().await;
    site.change(|config| config.with("listener.third.bind", "\"127.0.0.1:0\""));

    Tunnel::open(&site.proxy, "third", "/chat", &site.chat_endpoint).await.carries().await;

    site.chat.carries().await;
    site.games.carries().await;
}

#[tokio::test]
async fn a_routes_hosts() {
    Site::open().await.keeps_all(|config| config.with("route.chat.hosts", "[\"elsewhere.test\"]")).await;
}

#[tokio::test]
async fn a_routes_rules() {
    Site::open()
        .await
        .keeps_all(|config| {
            config
                .with("route.chat.methods", "[\"POST\"]")
                .with("route.chat.rewrite", "{ prefix = \"/new\" }")
                .with("route.chat.request_headers", "{ set = { x-a = \"b\" } }")
        })
        .await;
}

#[tokio::test]
async fn a_routes_path() {
    Site::open().await.keeps_all(|config| config.with("route.chat.path", "\"/elsewhere\"")).await;
}

#[tokio::test]
async fn a_routes_listeners() {
    Site::open().await.keeps_all(|config| config.with("route.chat.listeners", "[\"other\"]")).await;
}

#[tokio::test]
async fn a_new_upstream_and_one_that_nobody_uses() {
    let site = Site::open().await;
    let address = site.chat_endpoint.address();
    site.keeps_all(|config| config.endpoints("third", [address])).await;
}

#[tokio::test]
async fn a_listener_gone_where_tunnels_are_kept() {
    let site = Site::open_with(|config| config.with("drain.reload.on", "\"keep\"")).await;
    site.keeps_all(|config| config.without("listener.public")).await;
}

#[tokio::test]
async fn a_route_and_its_upstream_gone_where_tunnels_are_kept() {
    let site = Site::open_with(|config| config.with("drain.reload.on", "\"keep\"")).await;
    site.keeps_all(|config| config.without("route.chat").without("upstream.chat")).await;
}

#[tokio::test]
async fn an_endpoint_gone_where_the_same_reload_says_keep() {
    let site = Site::open().await;
    let address = site.games_endpoint.address();
    site.keeps_all(|config| config.with("drain.reload.on", "\"keep\"").named_endpoints("chat", [("z", address)])).await;
}

#[tokio::test]
async fn a_kept_alive_session_uses_the_new_routes() {
    let mut site = Site::open().await;
    let mut client = site.proxy.connect().await;
    client.send("GET /nowhere HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 404);

    site.change(|config| config.with("route.nowhere.path", "\"/nowhere\"").with("route.nowhere.upstream", "\"chat\""));

    client.send(Handshake::new().request("GET /nowhere HTTP/1.1").bytes()).await;
    site.chat_endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
}
