//! A connection with an endpoint that a client has authenticated by NTLM or Negotiate serves that client alone.

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::by_hand::ByHand;
use super::in_front_of;
use crate::rig::{Config, Endpoint, Proxy, Wire, within};

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
async fn exchange(client: &mut Wire, stream: &mut Wire, request: &str, answer: &str) {
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
        let endpoint = Endpoint::listen().await;
        let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
        let (mut alice, mut mallory) = (proxy.connect().await, proxy.connect().await);
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
        drop(alice);
        hers.is_gone().await;
        assert!(endpoint.accept().now_or_never().is_none());
    }
}

#[tokio::test]
async fn a_connection_that_was_anybodys_is_its_clients_from_the_first_step_on() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let (mut alice, mut mallory) = (proxy.connect().await, proxy.connect().await);
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
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let (mut alice, mut bob) = (proxy.connect().await, proxy.connect().await);
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
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, &upgrade("Authorization: NTLM TlRM\r\n")).await;
    stream.send(CHALLENGE).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 401 "));
    client.hears("no").await;
    becomes_a_tunnel(client, stream, &upgrade("Authorization: NTLM TlRN\r\n")).await;
}

#[tokio::test]
async fn an_upgrade_goes_over_the_connection_that_exchanges_have_authenticated() {
    let endpoint = Endpoint::listen().await;
    // Another route of the same upstream, too.
    let config = in_front_of(&[endpoint.address()]);
    let proxy = Proxy::serving(&config.with("route.s.path", "\"/s\"").with("route.s.upstream", "\"chat\""));
    let mut client = proxy.connect().await;
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
async fn a_connection_whose_upgrade_was_not_sent_whole_serves_not_even_its_client() {
    let room = sent_before_an_early_answer(1 << 26).await.len();
    // So little more than the kernels hold that the proxy has all of it, and the client may ask again.
    for more in [1 << 12, 1 << 14, 1 << 15] {
        let sent = sent_before_an_early_answer(room + more).await;
        let other = sent.iter().position(|&byte| byte != b'b').map(|at| String::from_utf8_lossy(&sent[at..]));
        assert!(other.is_none() || sent.len() > room + more, "{} of {}: {other:?}", sent.len(), room + more);
    }
}

#[tokio::test]
async fn whoever_comes_after_the_last_place_can_authenticate_too() {
    let endpoint = Endpoint::listen().await;
    let proxy = ByHand::with_resting(&in_front_of(&[endpoint.address()]), 0);
    let mut client = proxy.connect().await;
    let mut stream = challenged(&endpoint, &mut client).await;
    exchange(&mut client, &mut stream, &get("Authorization: NTLM TlRN\r\n"), OK).await;
    becomes_a_tunnel(client, stream, &upgrade("")).await;
}

#[tokio::test]
async fn a_client_that_asks_elsewhere_needs_a_place_for_what_it_has_authenticated() {
    for places in [0, 1] {
        let (one, other) = (Endpoint::listen().await, Endpoint::listen().await);
        let proxy = ByHand::with_resting(&in_front_of_two(&one, &other), places);
        let (mut alice, mut mallory) = (proxy.connect().await, proxy.connect().await);
        let mut hers = challenged(&one, &mut alice).await;
        let mut elsewhere = other.accept_after(&mut alice, &get("").replace("GET /", "GET /other")).await;
        if places == 0 {
            hers.is_gone().await;
        }
        // The one place is taken as long as she asks elsewhere.
        let mut his = one.accept_after(&mut mallory, &get("")).await;
        his.send(OK).await;
        mallory.head().await;
        mallory.hears("ok").await;
        his.is_gone().await;
        elsewhere.send(OK).await;
        alice.head().await;
        alice.hears("ok").await;
        if places == 1 {
            exchange(&mut alice, &mut hers, &get("Authorization: NTLM TlRN\r\n"), OK).await;
        }
    }
}

#[tokio::test]
async fn a_connection_of_a_client_that_asks_elsewhere_ends_with_rest_timeout() {
    let (one, other) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of_two(&one, &other).with("listener.public.rest_timeout", "\"1s\""));
    let mut client = proxy.connect().await;
    let mut hers = challenged(&one, &mut client).await;
    let mut elsewhere = other.accept_after(&mut client, &get("").replace("GET /", "GET /other")).await;
    hers.is_gone().await;
    elsewhere.send(OK).await;
    client.head().await;
    client.hears("ok").await;
}

#[tokio::test]
async fn a_client_whose_connection_has_ended_authenticates_anew() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    for request in [get(""), upgrade("")] {
        let mut stream = endpoint.accept_after(&mut client, &get("Authorization: NTLM TlRM\r\n")).await;
        stream.send(CHALLENGE).await;
        client.head().await;
        client.hears("no").await;
        drop(stream);
        let mut stream = endpoint.accept_after(&mut client, &request).await;
        stream.send("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 401 "));
        stream.is_gone().await;
    }
}

#[tokio::test]
async fn where_no_connection_rests_none_is_kept_for_a_client_either() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("upstream.chat.keep_alive", "\"off\""));
    let mut client = proxy.connect().await;
    let mut stream = endpoint.accept_after(&mut client, &get("Authorization: NTLM TlRM\r\n")).await;
    stream.send(CHALLENGE).await;
    stream.is_gone().await;
}

/// What an endpoint gets of an upgrade's body of so many bytes and behind it, if it reads none before it answers and the client
/// asks something else then.
async fn sent_before_an_early_answer(length: usize) -> Vec<u8> {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]).with("route.chat.upgrade", "[\"tcp\"]"));
    let (mut client, mut bystander) = (proxy.connect().await, proxy.connect().await);
    let lines =
        format!("Authorization: NTLM TlRM\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {length}\r\n");
    let mut stream = endpoint.accept_after(&mut client, &get(&lines).replace("GET", "POST")).await;
    let (mut from_proxy, mut to_proxy) = client.stream.into_split();
    let sending = tokio::spawn(async move {
        let _ = to_proxy.write_all(&vec![b'b'; length]).await;
        to_proxy
    });
    // The one worker has its turn as often as it takes until there is no more room.
    let mut its = endpoint.accept_after(&mut bystander, &get("")).await;
    its.send(OK).await;
    bystander.head().await;
    bystander.hears("ok").await;
    for _ in 0..100 {
        exchange(&mut bystander, &mut its, &get(""), OK).await;
    }
    stream.send(CHALLENGE).await;
    let mut answer = vec![0; CHALLENGE.len()];
    within("an answer", from_proxy.read_exact(&mut answer)).await.unwrap();
    if sending.is_finished() {
        let _ = sending.await.unwrap().write_all(get("").as_bytes()).await;
    } else {
        sending.abort();
    }
    let mut sent = Vec::new();
    while !sent.ends_with(b"\r\n\r\n")
        && within("more of it", stream.stream.read_buf(&mut sent)).await.is_ok_and(|count| count > 0)
    {}
    sent
}

/// In front of two endpoints: what begins with `/other` goes to the second.
fn in_front_of_two(one: &Endpoint, other: &Endpoint) -> Config {
    in_front_of(&[one.address()])
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"other\"")
        .endpoints("other", [other.address()])
        .with("upstream.other.keep_alive", "\"off\"")
}

/// The endpoint's end of a connection that the client has begun to authenticate.
async fn challenged(endpoint: &Endpoint, client: &mut Wire) -> Wire {
    let mut stream = endpoint.accept_after(client, &get("Authorization: NTLM TlRM\r\n")).await;
    stream.send(CHALLENGE).await;
    client.head().await;
    client.hears("no").await;
    stream
}

/// The upgrade comes over this connection, and opens a tunnel over it that carries bytes both ways.
async fn becomes_a_tunnel(mut client: Wire, mut stream: Wire, request: &str) {
    client.send(request).await;
    stream.head().await;
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.send([switch.as_bytes(), b"\x81\x02hi"].concat()).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 101 "));
    assert_eq!(client.bytes(4).await, b"\x81\x02hi");
    let frame = b"\x81\x82\0\0\0\0ho";
    client.send(frame).await;
    assert_eq!(stream.bytes(frame.len()).await, frame);
}
