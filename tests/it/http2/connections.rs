//! How many connections there are, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use h2::server::Builder;
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

use super::endpoint::Http2Endpoint;
use super::in_front_of;
use crate::rig::{Endpoint, Handshake, Proxy, Wire, assert_carries};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_thousand_requests_share_few_connections() {
    const AT_ONCE: usize = 250;
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    // Nobody is answered before so many are there.
    let all_there = Arc::new(Barrier::new(AT_ONCE));
    let connections = endpoint.serve(move |mut asked| {
        let all_there = Arc::clone(&all_there);
        async move {
            all_there.wait().await;
            asked.say("ok");
        }
    });
    let mut clients = Vec::new();
    for _ in 0..AT_ONCE {
        clients.push(proxy.connect().await);
    }
    for _ in 0..4 {
        for client in &mut clients {
            client.send(GET).await;
        }
        for client in &mut clients {
            assert_eq!(client.answer().await.1, "ok");
        }
    }
    // 128 on each.
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_endpoint_that_allows_one_stream_has_a_connection_for_each_request() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut one, mut other) = (proxy.connect().await, proxy.connect().await);
    let mut builder = Builder::new();
    builder.max_concurrent_streams(1);
    one.send(GET).await;
    let mut first = endpoint.accept_as(&builder).await;
    let mut asked = first.asked().await;
    other.send(GET).await;
    let mut second = endpoint.accept_as(&builder).await;
    second.asked().await.say("second");
    assert_eq!(other.answer().await.1, "second");
    asked.say("first");
    assert_eq!(one.answer().await.1, "first");
    // Both serve on.
    for client in [&mut one, &mut other] {
        client.send(GET).await;
        tokio::select! {
            mut asked = first.asked() => asked.say("again"),
            mut asked = second.asked() => asked.say("again"),
        }
        assert_eq!(client.answer().await.1, "again");
    }
}

#[tokio::test]
async fn one_that_says_goaway_finishes_and_takes_no_more() {
    let endpoint = Http2Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut one, mut other) = (proxy.connect().await, proxy.connect().await);
    one.send(GET).await;
    let mut first = endpoint.accept().await;
    let mut asked = first.asked().await;
    first.go_away();
    // Nobody knows when it is read: whoever asks meanwhile is served over the old connection, or over a new one.
    sleep(Duration::from_millis(100)).await;
    other.send(GET).await;
    let mut second = endpoint.accept().await;
    second.asked().await.say("second");
    assert_eq!(other.answer().await.1, "second");
    asked.say("first");
    assert_eq!(one.answer().await.1, "first");
    first.is_over().await;
}

#[tokio::test]
async fn one_that_rests_is_ended_in_time_and_at_once_when_its_endpoint_is_gone() {
    let endpoint = Http2Endpoint::listen().await;
    let config = in_front_of([endpoint.address()]);
    let mut proxy = Proxy::serving(&config.clone().with("upstream.chat.keep_alive", "\"1s\""));
    let mut client = proxy.connect().await;
    let mut exchange = async || {
        client.send(GET).await;
        let mut connection = endpoint.accept().await;
        connection.asked().await.say("ok");
        client.answer().await;
        connection
    };
    let mut connection = exchange().await;
    let begun = Instant::now();
    connection.is_over().await;
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    proxy.reload(&config).unwrap();
    let mut connection = exchange().await;
    proxy.reload(&in_front_of([Endpoint::nobody()])).unwrap();
    connection.is_over().await;
    // Where none are kept, each ends with its last request.
    proxy.reload(&config.with("upstream.chat.keep_alive", "\"off\"")).unwrap();
    exchange().await.is_over().await;
}

#[tokio::test]
async fn an_endpoint_that_speaks_both_has_upgrades_over_http1() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let (mut client, mut at_endpoint) = proxy.tunnel_with(&Handshake::new(), &endpoint).await;
    assert_carries(&mut client, &mut at_endpoint).await;
}

#[tokio::test]
async fn those_who_wait_for_a_connection_that_fails_all_fail() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of([endpoint.address()]));
    let asking = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (address, asking) = (proxy.address("public"), Arc::clone(&asking));
            tokio::spawn(async move {
                let mut client = Wire::connect(address).await;
                client.send(GET).await;
                asking.fetch_add(1, Ordering::Relaxed);
                client.answer().await.0.status()
            })
        })
        .collect();
    let mut connection = endpoint.accept().await;
    connection.hears("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    crate::rig::until("everybody asks", || asking.load(Ordering::Relaxed) == 8).await;
    connection.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    drop(connection);
    // Who came too late for it has another one.
    let late = async {
        loop {
            drop(endpoint.accept().await);
        }
    };
    let all = futures_util::future::join_all(clients);
    tokio::select! {
        statuses = all => assert!(statuses.into_iter().all(|status| status.unwrap() == 502)),
        () = late => {}
    }
}
