//! How many tunnels there may be, and how fast they come.

use super::in_front_of;
use crate::http2_front::frames::{DATA, Frames, HEADERS};
use crate::rig::{Config, Endpoint, Handshake, Head, Proxy, assert_carries, until};

fn behind_a_proxy(endpoint: &Endpoint) -> Config {
    in_front_of(endpoint.address()).with("listener.public.trusted_proxies", "[\"127.0.0.1\"]")
}

fn from(client: &str) -> Handshake {
    Handshake::new().with("x-forwarded-for", client)
}

/// The refusal of a handshake, of which no endpoint hears.
async fn refused(proxy: &Proxy, endpoint: &Endpoint, handshake: &Handshake, (status, reason): (u16, &str)) -> Head {
    let before = proxy.refusals(reason);
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (head, body) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!((head.status(), proxy.refusals(reason)), (status, before + 1), "{body}");
    let seconds: u32 = head.value("retry-after").expect("when to come again").parse().unwrap();
    assert!((1..=5).contains(&seconds), "{head:?}");
    head
}

const ROUTE_FULL: (u16, &str) = (503, "route_full");
const CLIENT_TUNNELS: (u16, &str) = (429, "client_tunnels");
const CLIENT_RATE: (u16, &str) = (429, "client_rate");

#[tokio::test]
async fn a_route_has_no_more_tunnels_than_it_may_and_a_place_is_free_when_one_ends() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.max_tunnels", "2"));
    let first = proxy.tunnel(&endpoint).await;
    let mut second = proxy.tunnel(&endpoint).await;
    refused(&proxy, &endpoint, &Handshake::new(), ROUTE_FULL).await;
    drop(first);
    until("a tunnel has ended", || proxy.open() == 1).await;
    let mut third = proxy.tunnel(&endpoint).await;
    assert_carries(&mut second.0, &mut second.1).await;
    assert_carries(&mut third.0, &mut third.1).await;
}

#[tokio::test]
async fn who_asks_counts_before_the_endpoint_answers_and_no_longer_when_it_refuses() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.max_tunnels", "1"));
    let mut first = proxy.connect().await;
    first.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    refused(&proxy, &endpoint, &Handshake::new(), ROUTE_FULL).await;
    at_endpoint.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert_eq!(first.answer().await.0.status(), 403);
    drop(proxy.tunnel(&endpoint).await);
}

#[tokio::test]
async fn who_gives_up_while_the_endpoint_thinks_leaves_its_place() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(endpoint.address()).with("route.chat.max_tunnels", "1"));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let _at_endpoint = endpoint.asked().await;
    drop(client);
    let turnstile = || proxy.running.proxy().snapshot().routes().values().next().unwrap().doors.turnstile.open();
    until("the place is free", || turnstile() == 0).await;
    drop(proxy.tunnel(&endpoint).await);
}

#[tokio::test]
async fn a_client_has_no_more_tunnels_than_it_may_and_others_have_theirs() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_a_proxy(&endpoint).with("route.chat.max_tunnels_per_client", "1"));
    let ada = proxy.tunnel_with(&from("192.0.2.1"), &endpoint).await;
    refused(&proxy, &endpoint, &from("::ffff:192.0.2.1"), CLIENT_TUNNELS).await;
    let _bob = proxy.tunnel_with(&from("192.0.2.2"), &endpoint).await;
    let _of_the_64 = proxy.tunnel_with(&from("2001:db8::1"), &endpoint).await;
    refused(&proxy, &endpoint, &from("2001:db8::ffff:1:2"), CLIENT_TUNNELS).await;
    drop(ada);
    until("a tunnel has ended", || proxy.open() == 2).await;
    drop(proxy.tunnel_with(&from("192.0.2.1"), &endpoint).await);
}

#[tokio::test]
async fn a_client_may_be_whoever_a_header_names() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address())
        .with("route.chat.max_tunnels_per_client", "1")
        .with("route.chat.per", "\"header:x-device\"");
    let proxy = Proxy::serving(&config);
    let device = |name: &str| Handshake::new().with("x-device", name);
    let _ada = proxy.tunnel_with(&device("ada"), &endpoint).await;
    refused(&proxy, &endpoint, &device("ada"), CLIENT_TUNNELS).await;
    let _bob = proxy.tunnel_with(&device("bob"), &endpoint).await;
    let _nameless = proxy.tunnel(&endpoint).await;
    refused(&proxy, &endpoint, &Handshake::new(), CLIENT_TUNNELS).await;
}

#[tokio::test]
async fn who_comes_too_often_is_told_when_there_is_a_token_and_plain_requests_are_not_counted() {
    let endpoint = Endpoint::listen().await;
    // A token a second: a test that took as long would find one.
    let config = behind_a_proxy(&endpoint).with("route.chat.handshakes_per_second", "{ rate = 1, burst = 3 }");
    let proxy = Proxy::serving(&config);
    let (mut granted, mut waits) = (0, Vec::new());
    for _ in 0..20 {
        let mut client = proxy.connect().await;
        client.send(from("192.0.2.1").bytes()).await;
        let head = tokio::select! {
            biased;
            head = client.head() => head,
            _ = endpoint.grant() => { granted += 1; continue }
        };
        assert_eq!(head.status(), 429);
        waits.push(head.value("retry-after").unwrap().to_owned());
    }
    assert!(granted >= 3 && waits.len() >= 5, "{granted} of 20");
    assert!(waits.iter().all(|wait| wait == "1"), "{waits:?}");
    assert_eq!(proxy.refusals(CLIENT_RATE.1) as usize, waits.len());
    drop(proxy.tunnel_with(&from("192.0.2.2"), &endpoint).await);
    for _ in 0..5 {
        let mut client = proxy.connect().await;
        client.send("GET /page HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n").await;
        endpoint.asked().await;
    }
}

#[tokio::test]
async fn a_reload_keeps_the_counts_and_new_limits_are_for_newcomers() {
    let endpoint = Endpoint::listen().await;
    let config = behind_a_proxy(&endpoint);
    let mut proxy = Proxy::serving(&config.clone().with("route.chat.max_tunnels", "9"));
    let mut first = proxy.tunnel_with(&from("192.0.2.1"), &endpoint).await;
    let mut second = proxy.tunnel_with(&from("192.0.2.2"), &endpoint).await;

    let one = config.clone().with("route.chat.max_tunnels", "1");
    assert_eq!(proxy.reload(&one).unwrap().draining, 0);
    refused(&proxy, &endpoint, &from("192.0.2.3"), ROUTE_FULL).await;
    assert_carries(&mut first.0, &mut first.1).await;
    assert_carries(&mut second.0, &mut second.1).await;

    let per_client = config.clone().with("route.chat.max_tunnels_per_client", "1");
    proxy.reload(&per_client).unwrap();
    let _third = proxy.tunnel_with(&from("192.0.2.3"), &endpoint).await;
    let more = per_client.with("route.chat.max_tunnels", "9");
    proxy.reload(&more).unwrap();
    refused(&proxy, &endpoint, &from("192.0.2.3"), CLIENT_TUNNELS).await;

    let slow = config.with("route.chat.handshakes_per_second", "{ rate = 1, burst = 1000 }");
    proxy.reload(&slow).unwrap();
    drop(proxy.tunnel_with(&from("192.0.2.4"), &endpoint).await);
}

#[tokio::test]
async fn tunnels_over_http_2_count_one_by_one() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address()).with("listener.public.h2c", "true");
    let proxy = Proxy::serving(&config.with("route.chat.max_tunnels_per_client", "2"));
    let mut client = Frames::begin(&proxy).await;
    let mut at_endpoint = Vec::new();
    for stream in [1, 3] {
        client.ask_for_websocket(stream, "/chat").await;
        let (mut wire, head) = endpoint.asked().await;
        wire.send(Handshake::grant(&head)).await;
        assert_eq!(client.next_of(stream).await.kind, HEADERS);
        at_endpoint.push(wire);
    }
    client.ask_for_websocket(5, "/chat").await;
    assert_eq!(client.next_of(5).await.kind, HEADERS);
    let body = client.next_of(5).await;
    assert!(body.kind == DATA && body.payload.starts_with(b"429 "), "{body:?}");
    assert_eq!(proxy.open(), 2);
}
