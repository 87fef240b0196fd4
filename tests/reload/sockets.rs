//! Listening sockets over a reload: none is closed that somebody still needs, and nobody in a queue is lost.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use super::rig::{Config, Endpoint, Handshake, Proxy, Wire};
use super::site::Site;

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

/// Connections that wait in the listener's queue: nothing accepts before the test waits for something.
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

async fn grant(endpoint: &Endpoint, count: usize) -> Vec<Wire> {
    let mut granted = Vec::new();
    for _ in 0..count {
        granted.push(endpoint.grant().await);
    }
    granted
}

#[tokio::test]
async fn a_renamed_listener_keeps_its_socket_and_everybody_in_its_queue() {
    let (address, endpoint) = (free(), Endpoint::listen().await);
    let mut proxy = Proxy::serving(&at("old", address, &endpoint));
    // Lets the old listener begin to accept.
    let mut first = proxy.connect_to("old").await;
    first.send("GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    drop(endpoint.accept().await);
    first.answer().await;
    let clients = waiting(address, 20, &Handshake::new().bytes());

    proxy.reload(&at("new", address, &endpoint)).unwrap();

    let _tunnels = grant(&endpoint, 20).await;
    for mut client in wires(clients) {
        assert_eq!(client.head().await.status(), 101);
    }
    assert_eq!(proxy.address("new"), address);
}

#[tokio::test]
async fn two_listeners_that_swap_their_addresses_lose_nobody() {
    let (one, other, endpoint) = (free(), free(), Endpoint::listen().await);
    let config = |a: SocketAddr, b: SocketAddr| {
        at("a", a, &endpoint).with("listener.b.bind", &format!("\"{b}\"")).with("route.chat.listeners", "[\"a\"]")
    };
    let mut proxy = Proxy::serving(&config(one, other));
    drop(proxy.tunnel_at("a", &endpoint).await);
    let handshake = Handshake::new().bytes();
    let (left, right) = (waiting(one, 5, &handshake), waiting(other, 5, &handshake));

    proxy.reload(&config(other, one)).unwrap();

    let _tunnels = grant(&endpoint, 5).await;
    for mut client in wires(right) {
        assert_eq!(client.head().await.status(), 101, "this is where a listens now");
    }
    for mut client in wires(left) {
        assert_eq!(client.answer().await.0.status(), 404, "b has no route");
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
    let hello = super::rig::Frame::text("hello");
    client.send(hello.by_client()).await;
    assert_eq!(at_endpoint.frame().await, hello);
    super::rig::until("nobody listens at the old address", || TcpStream::connect(old).is_err()).await;
}
