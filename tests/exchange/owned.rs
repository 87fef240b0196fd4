//! A connection with an endpoint that a client has authenticated by NTLM or Negotiate serves that client alone.

use futures_util::FutureExt;

use crate::support::{Peer, RawEndpoint, TestProxy};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRM\r\nContent-Length: 2\r\n\r\nno";

/// A plain request with these lines of header.
fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

/// An upgrade with these lines of header.
fn upgrade(lines: &str) -> String {
    get(&format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}"
    ))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The client's next request comes over this connection, and so does its answer.
async fn exchange(client: &mut Peer, stream: &mut Peer, request: &str, answer: &str) {
    client.send(request).await;
    stream.head().await;
    stream.send(answer).await;
    client.head().await;
    client.hears(body(answer)).await;
}

#[tokio::test]
async fn a_connection_that_a_client_has_authenticated_is_never_another_clients() {
    for (lines, answer) in [
        ("Authorization: NTLM TlRM\r\n", OK),
        ("Authorization: Negotiate YIIZ\r\n", OK),
        ("", CHALLENGE),
        ("", "HTTP/1.1 200 OK\r\nAuthentication-Info: Negotiate oYG2\r\nContent-Length: 2\r\n\r\nok"),
    ] {
        let endpoint = RawEndpoint::start().await;
        let proxy = TestProxy::in_front_of(&[endpoint.address()]).start();
        let (mut alice, mut mallory) = (proxy.client().await, proxy.client().await);
        let mut hers = endpoint.accept_after(&mut alice, &get(lines)).await;
        hers.send(answer).await;
        alice.head().await;
        alice.hears(body(answer)).await;
        let mut his = endpoint.accept_after(&mut mallory, &get("")).await;
        his.send(OK).await;
        mallory.head().await;
        mallory.hears("ok").await;
        // Hers is hers still, also without a word of authentication, and his is his turn's.
        exchange(&mut alice, &mut hers, &get(""), OK).await;
        exchange(&mut mallory, &mut his, &get(""), OK).await;
        exchange(&mut alice, &mut hers, &get(""), OK).await;
        // It ends with her.
        alice.leave();
        hers.hears_the_end().await;
        assert!(endpoint.accept().now_or_never().is_none());
    }
}

#[tokio::test]
async fn a_connection_that_was_anybodys_is_its_clients_from_the_first_step_on() {
    let endpoint = RawEndpoint::start().await;
    let proxy = TestProxy::in_front_of(&[endpoint.address()]).start();
    let (mut alice, mut mallory) = (proxy.client().await, proxy.client().await);
    let mut stream = endpoint.accept_after(&mut mallory, &get("")).await;
    stream.send(OK).await;
    mallory.head().await;
    mallory.hears("ok").await;
    exchange(&mut alice, &mut stream, &get("Authorization: NTLM TlRM\r\n"), CHALLENGE).await;
    endpoint.accept_after(&mut mallory, &get("")).await;
    exchange(&mut alice, &mut stream, &get("Authorization: NTLM TlRN\r\n"), OK).await;
}

#[tokio::test]
async fn two_clients_that_authenticate_at_once_do_not_meet() {
    let endpoint = RawEndpoint::start().await;
    let proxy = TestProxy::in_front_of(&[endpoint.address()]).start();
    let (mut alice, mut bob) = (proxy.client().await, proxy.client().await);
    let mut hers = endpoint.accept_after(&mut alice, &get("Authorization: NTLM TlRM\r\n")).await;
    let mut his = endpoint.accept_after(&mut bob, &get("Authorization: NTLM TlRM\r\n")).await;
    for (stream, client) in [(&mut his, &mut bob), (&mut hers, &mut alice)] {
        stream.send(CHALLENGE).await;
        client.head().await;
        client.hears("no").await;
    }
    for _ in 0..3 {
        exchange(&mut alice, &mut hers, &get("Authorization: NTLM TlRN\r\n"), OK).await;
        exchange(&mut bob, &mut his, &get("Authorization: NTLM TlRN\r\n"), OK).await;
    }
}

#[tokio::test]
async fn an_upgrade_in_two_steps_goes_over_one_connection() {
    let endpoint = RawEndpoint::start().await;
    let proxy = TestProxy::in_front_of(&[endpoint.address()]).start();
    let mut client = proxy.client().await;
    let mut stream = endpoint.accept_after(&mut client, &upgrade("Authorization: NTLM TlRM\r\n")).await;
    stream.send(CHALLENGE).await;
    assert!(client.head().await.starts_with("HTTP/1.1 401 "));
    client.hears("no").await;
    becomes_a_tunnel(client, stream, &upgrade("Authorization: NTLM TlRN\r\n")).await;
}

#[tokio::test]
async fn an_upgrade_goes_over_the_connection_that_exchanges_have_authenticated() {
    let endpoint = RawEndpoint::start().await;
    // Another route of the same upstream, too.
    let plan = TestProxy::in_front_of(&[endpoint.address()]);
    let proxy = plan.route("[route.s]\npath = \"/s\"\nupstream = \"u\"").start();
    let mut client = proxy.client().await;
    let mut stream = endpoint.accept_after(&mut client, &get("Authorization: NTLM TlRM\r\n")).await;
    stream.send(CHALLENGE).await;
    client.head().await;
    client.hears("no").await;
    exchange(&mut client, &mut stream, &get("Authorization: NTLM TlRN\r\n").replace("GET /", "GET /s"), OK).await;
    // Refused once: its connection is asked again, by an exchange and by an upgrade.
    exchange(&mut client, &mut stream, &upgrade(""), "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    exchange(&mut client, &mut stream, &get(""), OK).await;
    becomes_a_tunnel(client, stream, &upgrade("")).await;
}

#[tokio::test]
async fn a_client_whose_connection_has_ended_authenticates_anew() {
    let endpoint = RawEndpoint::start().await;
    let proxy = TestProxy::in_front_of(&[endpoint.address()]).start();
    let mut client = proxy.client().await;
    for request in [get(""), upgrade("")] {
        let mut stream = endpoint.accept_after(&mut client, &get("Authorization: NTLM TlRM\r\n")).await;
        stream.send(CHALLENGE).await;
        client.head().await;
        client.hears("no").await;
        stream.leave();
        let mut stream = endpoint.accept_after(&mut client, &request).await;
        stream.send("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 401 "));
        stream.hears_the_end().await;
    }
}

#[tokio::test]
async fn where_no_connection_rests_none_is_kept_for_a_client_either() {
    let endpoint = RawEndpoint::start().await;
    let proxy = TestProxy::in_front_of(&[endpoint.address()]).upstream("keep_alive = \"off\"").start();
    let mut client = proxy.client().await;
    let mut stream = endpoint.accept_after(&mut client, &get("Authorization: NTLM TlRM\r\n")).await;
    stream.send(CHALLENGE).await;
    stream.hears_the_end().await;
}

/// The upgrade comes over this connection, and opens a tunnel over it that carries bytes both ways.
async fn becomes_a_tunnel(mut client: Peer, mut stream: Peer, request: &str) {
    client.send(request).await;
    stream.head().await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.send([switch.as_bytes(), b"\x81\x02hi"].concat()).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(client.bytes(4).await, b"\x81\x02hi");
    let frame = b"\x81\x82\0\0\0\0ho";
    client.send(frame).await;
    assert_eq!(stream.bytes(frame.len()).await, frame);
}
