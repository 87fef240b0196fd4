//! Clients whose address may ask, and those whose may not.

use super::{in_front_of, is_refused};
use crate::http2_front::frames::{DATA, Frames, HEADERS};
use crate::rig::{Config, Endpoint, Handshake, Proxy, assert_carries};

/// Behind a proxy whose word is believed.
fn behind_a_proxy(endpoint: &Endpoint) -> Config {
    in_front_of(endpoint.address())
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]")
        .with("route.chat.allowed_clients", "[\"10.0.0.0/8\", \"2001:db8::/32\"]")
        .with("route.chat.denied_clients", "[\"10.9.0.0/16\"]")
}

fn from(client: &str) -> Handshake {
    Handshake::new().with("x-forwarded-for", client)
}

#[tokio::test]
async fn who_is_let_in_is_told_by_the_address_as_far_as_it_is_believed() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_a_proxy(&endpoint));
    for denied in ["10.9.0.1", "::ffff:10.9.0.1", "10.1.0.1, 10.9.0.1"] {
        is_refused(&proxy, &endpoint, from(denied).bytes(), (403, "client_denied")).await;
    }
    for other in ["192.0.2.1", "2001:db9::1"] {
        is_refused(&proxy, &endpoint, from(other).bytes(), (403, "client_not_allowed")).await;
    }
    for allowed in ["10.1.0.1", "::ffff:10.1.0.1", "2001:db8::1", "10.9.0.1, 10.1.0.1"] {
        let (mut client, mut at_endpoint) = proxy.tunnel_with(&from(allowed), &endpoint).await;
        assert_carries(&mut client, &mut at_endpoint).await;
    }
}

#[tokio::test]
async fn whom_nobody_vouches_for_is_known_by_its_own_address() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address()).with("route.chat.allowed_clients", "[\"10.0.0.0/8\"]");
    let proxy = Proxy::serving(&config);
    is_refused(&proxy, &endpoint, from("10.1.0.1").bytes(), (403, "client_not_allowed")).await;
}

#[tokio::test]
async fn plain_requests_are_refused_too() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&behind_a_proxy(&endpoint));
    let get = "GET /page HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-For: 10.9.0.1\r\n\r\n";
    is_refused(&proxy, &endpoint, get, (403, "client_denied")).await;
}

#[tokio::test]
async fn clients_of_http_2_are_judged_alike() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(endpoint.address()).with("route.chat.denied_clients", "[\"127.0.0.0/8\"]");
    let proxy = Proxy::serving(&config.with("listener.public.h2c", "true"));
    let mut client = Frames::begin(&proxy).await;
    for stream in [1, 3] {
        match stream {
            1 => client.ask_for_websocket(stream, "/chat").await,
            _ => client.get(stream, "/page").await,
        }
        assert_eq!(client.next_of(stream).await.kind, HEADERS);
        let body = client.next_of(stream).await;
        assert!(body.kind == DATA && body.payload.starts_with(b"403 clients of your address"), "{body:?}");
    }
    assert_eq!(proxy.refusals("client_denied"), 2);
}
