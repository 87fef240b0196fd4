//! The changes that drain exactly the tunnels that lost what they stand on.

use super::site::{Site, Tunnel};
use crate::rig::{Endpoint, Frame, Handshake, until};

#[tokio::test]
async fn an_endpoint_gone() {
    let site = Site::open().await;
    let address = site.games_endpoint.address();
    site.drains_chat(|config| config.named_endpoints("chat", [("z", address)])).await;
}

#[tokio::test]
async fn an_endpoint_with_another_address() {
    let site = Site::open().await;
    let moved = Endpoint::listen().await;
    site.drains_chat(|config| config.endpoints("chat", [moved.address()])).await;
}

#[tokio::test]
async fn an_endpoint_renamed() {
    let site = Site::open().await;
    let address = site.chat_endpoint.address();
    site.drains_chat(|config| config.named_endpoints("chat", [("z", address)])).await;
}

#[tokio::test]
async fn a_route_gone() {
    Site::open().await.drains_chat(|config| config.without("route.chat")).await;
}

#[tokio::test]
async fn a_route_renamed() {
    let site = Site::open().await;
    site.drains_chat(|config| {
        config.without("route.chat").with("route.talk.path", "\"/chat\"").with("route.talk.upstream", "\"chat\"")
    })
    .await;
}

#[tokio::test]
async fn a_route_moved_to_another_upstream() {
    Site::open().await.drains_chat(|config| config.with("route.chat.upstream", "\"games\"")).await;
}

#[tokio::test]
async fn an_upstream_that_leaves_a_split() {
    let both = "[{ upstream = \"chat\", weight = 1 }, { upstream = \"games\", weight = 0 }]";
    let site = Site::open_with(|config| {
        config.without("route.chat").with("route.chat.path", "\"/chat\"").with("route.chat.split", both)
    })
    .await;
    let promoted = "[{ upstream = \"games\", weight = 1 }]";
    site.drains_chat(|config| config.with("route.chat.split", promoted)).await;
}

#[tokio::test]
async fn a_route_that_answers_by_itself() {
    let respond = "{ status = 503, body = \"closed\" }";
    Site::open().await.drains_chat(|config| config.without("route.chat").with("route.chat.respond", respond)).await;
}

#[tokio::test]
async fn an_upstream_renamed() {
    let site = Site::open().await;
    let address = site.chat_endpoint.address();
    site.drains_chat(|config| {
        config.without("upstream.chat").endpoints("talk", [address]).with("route.chat.upstream", "\"talk\"")
    })
    .await;
}

#[tokio::test]
async fn a_listener_gone() {
    let mut site = Site::open().await;
    let address = site.proxy.address("public");
    let reloaded = site.change(|config| config.without("listener.public"));

    assert_eq!(reloaded.draining, 1);
    site.chat.is_drained().await;
    site.games.carries().await;
    until("nobody listens there", || std::net::TcpStream::connect(address).is_err()).await;
}

#[tokio::test]
async fn everything_at_once_is_told_once() {
    let mut site = Site::open().await;
    let reloaded =
        site.change(|config| config.without("listener.public").without("route.chat").without("upstream.chat"));

    assert_eq!(reloaded.draining, 1);
    site.chat.is_drained().await;
    site.games.carries().await;
}

#[tokio::test]
async fn a_route_moved_there_and_back_opens_new_tunnels() {
    let mut site = Site::open().await;
    site.change(|config| config.with("route.chat.upstream", "\"games\""));
    let mut green = Tunnel::open(&site.proxy, "public", "/chat", &site.games_endpoint).await;
    site.change(|config| config.with("route.chat.upstream", "\"chat\""));

    let mut blue = Tunnel::open(&site.proxy, "public", "/chat", &site.chat_endpoint).await;

    site.chat.is_drained().await;
    green.is_drained().await;
    blue.carries().await;
    site.games.carries().await;
}

#[tokio::test]
async fn what_is_removed_and_added_again_is_new() {
    let mut site = Site::open().await;
    let before = site.config.clone();
    for table in ["route.chat", "listener.public"] {
        site.change(|config| config.without(table));
        site.change(|_| before.clone());
        let mut newer = Tunnel::open(&site.proxy, "public", "/chat", &site.chat_endpoint).await;
        newer.carries().await;
        // The drain of the old ones goes on beside it.
        if table == "route.chat" {
            site.chat.is_drained().await;
            site.chat = newer;
        } else {
            site.chat.is_drained().await;
            newer.carries().await;
        }
    }
}

#[tokio::test]
async fn an_endpoint_removed_and_added_again_is_new() {
    let mut site = Site::open().await;
    let (chat, games) = (site.chat_endpoint.address(), site.games_endpoint.address());
    site.change(|config| config.named_endpoints("chat", [("z", games)]));
    site.change(|config| config.endpoints("chat", [chat]));

    let mut newer = Tunnel::open(&site.proxy, "public", "/chat", &site.chat_endpoint).await;

    site.chat.is_drained().await;
    newer.carries().await;
}

/// An upgrade whose endpoint answers after a reload took away what it was to stand on.
async fn refused_in_flight(site: Site, change: impl FnOnce(crate::rig::Config) -> crate::rig::Config) {
    let mut site = site;
    let mut client = site.proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, head) = site.chat_endpoint.asked().await;

    site.change(change);
    at_endpoint.send(Handshake::grant(&head)).await;

    let (head, _) = client.answer().await;
    assert_eq!(head.status(), 503);
    assert!(head.value("retry-after").is_some());
    assert_eq!(at_endpoint.frame().await, Frame::close(1001, "configuration changed"));
    at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
    assert_eq!(at_endpoint.rest().await, b"", "it was never joined");
    site.chat.is_drained().await;
    until("one tunnel, one lease", || (site.proxy.open(), site.proxy.leases()) == (1, 1)).await;
    let opened = site.proxy.count(r#"client_tunnels_opened_total{protocol="http/1.1"}"#);
    assert_eq!(opened, 2, "it never opened");
}

#[tokio::test]
async fn an_upgrade_in_flight_whose_route_is_gone() {
    refused_in_flight(Site::open().await, |config| config.without("route.chat").without("upstream.chat")).await;
}

#[tokio::test]
async fn an_upgrade_in_flight_whose_endpoint_is_gone() {
    let site = Site::open().await;
    let address = site.games_endpoint.address();
    refused_in_flight(site, |config| config.named_endpoints("chat", [("z", address)])).await;
}

#[tokio::test]
async fn an_upgrade_in_flight_whose_listener_is_gone() {
    refused_in_flight(Site::open().await, |config| config.without("listener.public")).await;
}

#[tokio::test]
async fn an_upgrade_in_flight_whose_route_has_moved() {
    refused_in_flight(Site::open().await, |config| config.with("route.chat.upstream", "\"games\"")).await;
}

#[tokio::test]
async fn an_endpoint_that_talks_already_when_there_is_no_tunnel_for_it_reads_the_close_all_the_same() {
    let mut site = Site::open().await;
    let mut client = site.proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, head) = site.chat_endpoint.asked().await;
    site.change(|config| config.without("route.chat"));

    let welcome = Frame::text(&"welcome".repeat(5000)).by_endpoint();
    at_endpoint.send([Handshake::grant(&head).into_bytes(), welcome.clone()].concat()).await;
    assert_eq!(client.answer().await.0.status(), 503);
    at_endpoint.send(welcome).await;

    assert_eq!(at_endpoint.frame().await, Frame::close(1001, "configuration changed"));
    assert_eq!(at_endpoint.rest().await, b"");
}

#[tokio::test]
async fn an_endpoint_of_another_protocol_without_a_tunnel_reads_a_fin() {
    let mut site = Site::open_with(|config| config.with("route.chat.upgrade", "[\"websocket\", \"tcp\"]")).await;
    let mut client = site.proxy.connect().await;
    client.send("GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: tcp\r\n\r\n").await;
    let (mut at_endpoint, _) = site.chat_endpoint.asked().await;
    site.change(|config| config.without("route.chat"));

    at_endpoint.send("HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: tcp\r\n\r\nready").await;

    assert_eq!(client.answer().await.0.status(), 503);
    at_endpoint.send("more").await;
    assert_eq!(at_endpoint.rest().await, b"");
}

#[tokio::test]
async fn an_upgrade_in_flight_is_untouched_by_somebody_elses_change() {
    let mut site = Site::open().await;
    let mut client = site.proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, head) = site.chat_endpoint.asked().await;

    site.change(|config| config.without("route.games").without("upstream.games").without("listener.other"));
    at_endpoint.send(Handshake::grant(&head)).await;

    assert_eq!(client.head().await.status(), 101);
    Tunnel { client, endpoint: at_endpoint }.carries().await;
    site.games.is_drained().await;
    site.chat.carries().await;
}

#[tokio::test]
async fn a_session_of_a_listener_that_is_gone_ends_with_its_next_answer() {
    let mut site = Site::open().await;
    let mut client = site.proxy.connect().await;
    client.send("GET /nowhere HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    assert_eq!(client.answer().await.0.value("connection"), None);

    site.change(|config| config.without("listener.public"));

    client.send("GET /nowhere HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    assert_eq!(client.answer().await.0.value("connection"), Some("close"));
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_deaf_client_is_cut_at_the_deadline() {
    let mut site = Site::open_with(|config| {
        config.with("drain.reload.deadline", "\"300ms\"").with("route.chat.websocket.closing_timeout", "\"1h\"")
    })
    .await;
    site.change(|config| config.without("route.chat"));

    until("it is cut", || site.proxy.open() == 1).await;

    assert_eq!(site.chat.client.frame().await.close_code(), Some(1012));
    site.games.carries().await;
}
