//! Listening sockets over a reload: none is closed that somebody still needs, and nobody in a queue is lost.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use super::site::Site;
use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire};

/// An address that is free, and that nobody else is likely to take meanwhile.
fn free() -> SocketAddr {
    let ip = Ipv4Addr::new(127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(1..255));
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
}

fn at(name: &str, address: SocketAddr, endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()])
        .without("listener.public")
        .with(&format!("listener.{name}.bind"), &format!("\"{address}\""))
}

/// Connections that are in the listener's queue, or were just taken from it.
fn waiting(address: SocketAddr, count: usize, request: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    };
    (0..count).map(connect).collect()
}

fn wires(clients: Vec<TcpStream>) -> Vec<Wire> {
    clients.into_iter().map(|client| Wire::new(tokio::net::TcpStream::from_std(client).unwrap())).collect()
}

/// Grants every handshake that comes, for as long as the test lasts.
fn grant_all(endpoint: Endpoint) {
    tokio::spawn(async move {
        let mut granted = Vec::new();
        loop {
            granted.push(endpoint.grant().await);
        }
    });
}

/// What each of the clients was answered; that none was reset is the point.
async fn statuses(clients: Vec<TcpStream>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for mut client in wires(clients) {
        statuses.push(client.head().await.status());
    }
    statuses
}

#[tokio::test]
async fn a_renamed_listener_keeps_its_socket_and_everybody_in_its_queue_and_drains_its_tunnels() {
    let (address, endpoint) = (free(), Endpoint::listen().await);
    let (old, new) = (at("old", address, &endpoint), at("new", address, &endpoint));
    let mut proxy = Proxy::serving(&old);
    let (mut client, _at_endpoint) = proxy.tunnel_at("old", &endpoint).await;
    grant_all(endpoint);
    let handshake = Handshake::new().bytes();
    let before = waiting(address, 20, &handshake);

    assert_eq!(proxy.reload(&new).unwrap().draining, 1);

    assert_eq!(client.frame().await.close_code(), Some(1012));
    let after = waiting(address, 20, &handshake);
    // A handshake that the old listener had begun is told to come again; whoever still waited is the new one's.
    assert!(statuses(before).await.iter().all(|status| [101, 503].contains(status)));
    assert_eq!(statuses(after).await, [101; 20]);
    assert_eq!(proxy.address("new"), address);
}

#[tokio::test]
async fn two_listeners_that_swap_their_addresses_lose_nobody() {
    let (one, other, endpoint) = (free(), free(), Endpoint::listen().await);
    let config = |a: SocketAddr, b: SocketAddr| {
        at("a", a, &endpoint).with("listener.b.bind", &format!("\"{b}\"")).with("route.chat.listeners", "[\"a\"]")
    };
    let (before, after) = (config(one, other), config(other, one));
    let mut proxy = Proxy::serving(&before);
    grant_all(endpoint);
    let handshake = Handshake::new().bytes();
    let (early_left, early_right) = (waiting(one, 5, &handshake), waiting(other, 5, &handshake));

    proxy.reload(&after).unwrap();

    let (left, right) = (waiting(one, 5, &handshake), waiting(other, 5, &handshake));
    assert_eq!(statuses(right).await, [101; 5], "this is where a listens now");
    assert_eq!(statuses(left).await, [404; 5], "b has no route");
    for status in statuses(early_left).await.into_iter().chain(statuses(early_right).await) {
        assert!([101, 404].contains(&status), "{status}");
    }
}

#[tokio::test]
async fn a_removed_listener_serves_those_that_wait_in_its_queue() {
    let (address, endpoint) = (free(), Endpoint::listen().await);
    let both = at("gone", address, &endpoint).with("listener.stays.bind", "\"127.0.0.1:0\"");
    let mut proxy = Proxy::serving(&both);
    drop(proxy.tunnel_at("gone", &endpoint).await);
    let clients = waiting(address, 5, b"GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n");

    proxy.reload(&both.without("listener.gone")).unwrap();

    for _ in 0..5 {
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    }
    for mut client in wires(clients) {
        // A reset would be no answer at all.
        let (head, _) = client.answer().await;
        assert_eq!((head.status(), head.value("connection")), (200, Some("close")));
    }
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_changes_nothing() {
    let mut site = Site::open().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();

    let refused = site.try_change(|config| {
        config
            .without("route.chat")
            .with("listener.third.bind", &format!("\"{address}\""))
            .with("listener.public.bind", &format!("\"{}\"", free()))
    });

    let error = refused.unwrap_err().to_string();
    assert!(error.contains("listener third") && error.contains(&address.to_string()), "{error}");
    assert_eq!(site.change(|config| config).generation, 1, "the old configuration is served");
    site.chat.carries().await;
    assert!(site.proxy.running.address("third").is_none());
    drop(site.proxy.connect().await);
}

#[tokio::test]
async fn another_address_under_the_same_name_keeps_the_tunnels() {
    let (old, new, endpoint) = (free(), free(), Endpoint::listen().await);
    let mut proxy = Proxy::serving(&at("public", old, &endpoint));
    let (mut client, mut at_endpoint) = proxy.tunnel_at("public", &endpoint).await;

    let reloaded = proxy.reload(&at("public", new, &endpoint)).unwrap();

    assert_eq!((reloaded.draining, proxy.address("public")), (0, new));
    drop(proxy.tunnel_at("public", &endpoint).await);
    let hello = crate::rig::Frame::text("hello");
    client.send(hello.by_client()).await;
    assert_eq!(at_endpoint.frame().await, hello);
    crate::rig::until("nobody listens at the old address", || TcpStream::connect(old).is_err()).await;
}
