//! An endpoint that fails an upgrade is left for the next best, and the client does not notice; what an endpoint says for itself
//! is the client's.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use crate::rig::{Config, Endpoint, Handshake, Proxy, SWITCH, Wire};

/// A proxy in front of `endpoints`, which places each user by a header.
fn in_front_of(endpoints: &[&Endpoint]) -> Config {
    Config::chat(endpoints.iter().map(|endpoint| endpoint.address()))
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("upstream.chat.handshake_timeout", "\"200ms\"")
}

/// Answers each request at `endpoint` so, and ends its connection; counts them.
fn answering(endpoint: Endpoint, answer: &'static str) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut wire, _) = endpoint.asked().await;
            counted.fetch_add(1, Ordering::Relaxed);
            wire.send(answer).await;
        }
    });
    asked
}

/// Asks for a WebSocket as this user.
async fn ask(proxy: &Proxy, user: usize) -> Wire {
    let mut client = proxy.connect().await;
    client.send(Handshake::new().with("x-user", user.to_string()).bytes()).await;
    client
}

#[tokio::test]
async fn whatever_is_no_answer_is_left_for_the_next_best() {
    let wrong_accept = SWITCH.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=").leak();
    let unavailable =
        [502, 503, 504].map(|status| &*format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno").leak());
    for answer in ["", "HTTP/1.1 1", "what?\r\n\r\n", wrong_accept].into_iter().chain(unavailable) {
        let (sick, well) = (Endpoint::listen().await, Endpoint::listen().await);
        let proxy = Proxy::serving(&in_front_of(&[&sick, &well]));
        let asked = answering(sick, answer);
        for user in 0..8 {
            let (_client, _at_endpoint) =
                proxy.tunnel_with(&Handshake::new().with("x-user", user.to_string()), &well).await;
        }
        assert!(asked.load(Ordering::Relaxed) > 0, "nobody was meant for the sick one: {answer:?}");
        proxy.is_empty().await;
    }
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_left_after_handshake_timeout() {
    let (hanging, well) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of(&[&hanging, &well]));
    let hang = async {
        let mut held = Vec::new();
        loop {
            held.push(hanging.asked().await);
        }
    };
    let users = async {
        for user in 0..8 {
            let (_client, _at_endpoint) =
                proxy.tunnel_with(&Handshake::new().with("x-user", user.to_string()), &well).await;
        }
    };
    tokio::select! {
        () = hang => unreachable!("it takes whoever comes"),
        () = users => {}
    }
}

#[tokio::test]
async fn what_an_endpoint_says_for_itself_is_the_clients() {
    for status in [200, 302, 400, 401, 403, 404, 409, 429, 500, 501] {
        let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
        let proxy = Proxy::serving(&in_front_of(&[&one, &two]));
        let answer = &*format!("HTTP/1.1 {status} So\r\nContent-Length: 2\r\n\r\nso").leak();
        let asked = [answering(one, answer), answering(two, answer)];
        let (head, body) = ask(&proxy, 1).await.answer().await;
        assert_eq!((head.status(), body.as_str()), (status, "so"));
        assert_eq!(asked.iter().map(|it| it.load(Ordering::Relaxed)).sum::<usize>(), 1, "{status}");
    }
}

#[tokio::test]
async fn where_none_can_serve_the_last_answer_is_the_clients_and_three_are_asked_at_the_most() {
    let endpoints = join_all((0..4).map(|_| Endpoint::listen())).await;
    let proxy = Proxy::serving(&in_front_of(&endpoints.iter().collect::<Vec<_>>()));
    let answer = "HTTP/1.1 503 Busy\r\nRetry-After: 77\r\nContent-Length: 4\r\n\r\nbusy";
    let asked: Vec<_> = endpoints.into_iter().map(|endpoint| answering(endpoint, answer)).collect();
    let (head, body) = ask(&proxy, 1).await.answer().await;
    assert_eq!((head.status(), head.value("retry-after"), body.as_str()), (503, Some("77"), "busy"));
    assert_eq!(asked.iter().map(|it| it.load(Ordering::Relaxed)).sum::<usize>(), 3);
}

#[tokio::test]
async fn an_answer_tells_more_than_an_endpoint_that_cannot_be_reached() {
    let busy = Endpoint::listen().await;
    let config = Config::chat([busy.address(), Endpoint::nobody()])
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("upstream.chat.eject", "\"off\"");
    let proxy = Proxy::serving(&config);
    answering(busy, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    for user in 0..8 {
        let (head, body) = ask(&proxy, user).await.answer().await;
        assert_eq!((head.status(), body.as_str()), (503, "busy"));
    }
}

#[tokio::test]
async fn a_handshake_of_another_protocol_goes_to_one_endpoint_only() {
    let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of(&[&one, &two]).with("route.chat.upgrade", "[\"echo\"]"));
    let asked = [answering(one, ""), answering(two, "")];
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-User: 1\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 502);
    assert_eq!(asked.iter().map(|it| it.load(Ordering::Relaxed)).sum::<usize>(), 1);
}

#[tokio::test]
async fn a_client_that_goes_while_it_is_looked_for_another_endpoint_is_looked_for_no_more() {
    let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&in_front_of(&[&one, &two]).with("upstream.chat.handshake_timeout", "\"1min\""));
    let client = ask(&proxy, 1).await;
    let held = tokio::select! {
        asked = one.asked() => asked,
        asked = two.asked() => asked,
    };
    drop(client);
    let gone = async {
        let (mut wire, _) = held;
        wire.is_gone().await;
    };
    tokio::select! {
        biased;
        () = async { tokio::join!(one.is_untouched_until(pending::<()>()), two.is_untouched_until(pending::<()>())); } => {}
        () = gone => {}
    }
    proxy.is_empty().await;
}
