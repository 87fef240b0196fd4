//! Servers that are asked who may enter, and are slow, dead or lie.

use super::auth_server::asking;
use super::is_refused;
use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire, until};

fn config(server: &Endpoint, endpoint: &Endpoint) -> Config {
    asking(&format!("http://{}/auth", server.address()), endpoint).with("route.chat.authorize.timeout", "\"500ms\"")
}

/// What becomes of a request about which the server answers this.
async fn answered(answer: impl AsRef<[u8]>, then_closes: bool) -> (u16, String) {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&config(&server, &endpoint));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_server, _) = server.asked().await;
    at_server.try_send(answer).await;
    if then_closes {
        drop(at_server);
    } else {
        tokio::spawn(async move {
            at_server.drain().await;
        });
    }
    let head = endpoint.is_untouched_until(client.head()).await;
    let word = ["authorize_failed", "authorize_timeout", "authorize_denied"]
        .into_iter()
        .find(|word| proxy.refusals(word) == 1)
        .unwrap_or_default();
    (head.status(), word.to_owned())
}

#[tokio::test]
async fn who_says_half_of_an_answer_or_none_says_nothing() {
    for (answer, then_closes, word) in [
        ("", false, "authorize_timeout"),
        ("", true, "authorize_failed"),
        ("HTTP/1.1 200 OK\r\n", false, "authorize_timeout"),
        ("HTTP/1.1 200 OK\r\nContent-Le", true, "authorize_failed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", true, "authorize_failed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", false, "authorize_timeout"),
        ("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", true, "authorize_failed"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            false,
            "authorize_failed",
        ),
        ("HTTP/1.1 100 Continue\r\n\r\n", true, "authorize_failed"),
        ("SSH-2.0-OpenSSH\r\n", false, "authorize_failed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", false, "authorize_failed"),
    ] {
        assert_eq!(answered(answer, then_closes).await, (503, word.to_owned()), "{answer:?}, closes: {then_closes}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_given_up() {
    let mut endless = b"HTTP/1.1 200 OK\r\n".to_vec();
    while endless.len() < 4 * 1024 * 1024 {
        endless.extend_from_slice(
            b"x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
        );
    }
    assert_eq!(answered(endless, false).await, (503, "authorize_failed".into()));
}

#[tokio::test]
async fn a_refusal_that_is_too_long_is_not_passed_on() {
    let page = |length: usize| {
        let head = format!("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n");
        [head.into_bytes(), vec![b'a'; length], b"\r\n0\r\n\r\n".to_vec()].concat()
    };
    assert_eq!(answered(page(64 * 1024), false).await, (403, "authorize_denied".into()));
    assert_eq!(answered(page(64 * 1024 + 1), false).await, (503, "authorize_failed".into()));
    let endless = "HTTP/1.1 403 Forbidden\r\nContent-Length: 99999999999\r\n\r\n";
    assert_eq!(answered(endless, false).await, (503, "authorize_failed".into()));
}

/// A request that the server lets in by this answer; the endpoint has its stream.
async fn is_let_in(proxy: &Proxy, endpoint: &Endpoint, at_server: &mut Wire, answer: &str) {
    at_server.send(answer).await;
    let mut at_endpoint = endpoint.grant().await;
    at_endpoint.send("").await;
    until("the tunnel is open", || proxy.open() > 0).await;
}

#[tokio::test]
async fn a_yes_with_a_body_that_never_ends_lets_in_and_its_connection_is_not_used_again() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&config(&server, &endpoint).with("route.chat.authorize.timeout", "\"20s\""));
    let endless = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11000\r\n{}", "a".repeat(0x11000));
    for _ in 0..2 {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let (mut at_server, _) = server.asked().await;
        is_let_in(&proxy, &endpoint, &mut at_server, &endless).await;
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_no_answer_to_the_next_question() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&config(&server, &endpoint));
    let lie = "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello";
    let early = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for answer in [lie, early] {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let (mut at_server, _) = server.asked().await;
        is_let_in(&proxy, &endpoint, &mut at_server, answer).await;
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let (mut at_server, _) = server.asked().await;
        at_server.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        assert_eq!(client.answer().await.0.status(), 403);
    }
}

#[tokio::test]
async fn a_rested_connection_that_turns_out_dead_costs_one_more_question() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&config(&server, &endpoint).with("route.chat.authorize.timeout", "\"20s\""));
    const NO: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let ask = async || {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        client
    };
    let mut client = ask().await;
    let (mut at_server, _) = server.asked().await;
    at_server.send(NO).await;
    assert_eq!(client.answer().await.0.status(), 403);
    // It takes the next question, and is gone.
    let mut client = ask().await;
    at_server.head().await;
    drop(at_server);
    let (mut again, _) = server.asked().await;
    again.send(NO).await;
    assert_eq!(client.answer().await.0.status(), 403);
    // One that is new and does the same is not asked a third time.
    let mut client = ask().await;
    again.head().await;
    drop(again);
    let (last, _) = server.asked().await;
    drop(last);
    let (head, _) = server_is_left_alone(&server, client.answer()).await;
    assert_eq!(head.status(), 503);
}

async fn server_is_left_alone<T>(server: &Endpoint, done: impl Future<Output = T>) -> T {
    server.is_untouched_until(done).await
}

#[tokio::test]
async fn a_slow_server_holds_up_nothing_but_its_own_requests() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let config =
        config(&server, &endpoint).with("route.open.path", "\"/open\"").with("route.open.upstream", "\"chat\"");
    let proxy = Proxy::serving(&config.with("route.chat.authorize.timeout", "\"20s\""));
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        waiting.push(client);
    }
    drop(proxy.tunnel_with(&Handshake::new().request("GET /open HTTP/1.1"), &endpoint).await);
}

#[tokio::test]
async fn a_url_that_leads_back_to_its_own_route_is_found_out() {
    let endpoint = Endpoint::listen().await;
    let mut proxy = Proxy::serving(&super::in_front_of(endpoint.address()));
    let own = format!("http://{}/", proxy.address("public"));
    proxy.reload(&asking(&own, &endpoint)).unwrap();
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (head, _) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!((head.status(), proxy.refusals("loop")), (503, 1));
    assert_eq!(proxy.refusals("authorize_failed"), 10, "each has asked once");
}

#[tokio::test]
async fn nobody_is_let_in_by_a_server_that_is_not_who_it_has_to_be() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, crate::rig::Authority::new("test").pem()).unwrap();
    let config = asking(&format!("https://{}/auth", server.address()), &endpoint);
    let proxy = Proxy::serving(&config.with("route.chat.authorize.ca", &format!("{:?}", ca.display().to_string())));
    let plain = tokio::spawn(async move {
        loop {
            let mut wire = server.accept().await;
            wire.try_send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    is_refused(&proxy, &endpoint, Handshake::new().bytes(), (503, "authorize_failed")).await;
    plain.abort();
}
