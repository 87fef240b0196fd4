//! `handshakes_at_once`: who has a turn, who waits for one, and what ends the waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use windlass::session::Phase;
use windlass::snapshot::EndpointEvent;

use super::site::{FULL, TOO_LONG, asking, is_refused, target, wait_there, waiting, waiting_with};
use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire, assert_carries, until};

fn one_at_once(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()]).with("upstream.chat.handshakes_at_once", "1")
}

/// An endpoint that takes a while for each handshake; the most that it had at once.
async fn slow_endpoint() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let found = Arc::clone(&most);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            most.fetch_max(1 + now.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            let now = Arc::clone(&now);
            tokio::spawn(async move {
                let mut wire = Wire::of(stream);
                let head = wire.head().await;
                sleep(Duration::from_millis(20)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                wire.send(Handshake::grant(&head)).await;
                wire.drain().await;
            });
        }
    });
    (address, found)
}

#[tokio::test]
async fn an_endpoint_never_has_more_handshakes_than_the_limit_and_everybody_gets_in() {
    let (address, most) = slow_endpoint().await;
    let proxy = Proxy::serving(&Config::chat([address]).with("upstream.chat.handshakes_at_once", "3"));

    let clients = join_all((0..30).map(|_| async {
        let mut client = asking(&proxy).await;
        assert_eq!(client.head().await.status(), 101);
        client
    }));

    let clients = clients.await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    drop(clients);
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_limit_that_adapts_is_lowered_by_an_endpoint_that_says_it_cannot() {
    let endpoint = Endpoint::listen().await;
    let limits = "{ start = 8, min = 2, max = 20 }";
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]).with("upstream.chat.handshakes_at_once", limits));
    let gate = Arc::clone(target(&proxy, 0).gate().unwrap());
    for (status, limit) in [("401 Unauthorized", 8), ("503 Service Unavailable", 6), ("502 Bad Gateway", 4)] {
        let mut client = asking(&proxy).await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await;
        client.answer().await;
        assert_eq!(gate.limit(), limit, "{status}");
    }
}

#[tokio::test]
async fn a_limit_that_adapts_is_lowered_by_clients_that_an_endpoint_keeps_for_longer_than_they_wait() {
    let endpoint = Endpoint::listen().await;
    let limits = "{ start = 8, min = 2, max = 20 }";
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]).with("upstream.chat.handshakes_at_once", limits));
    let gate = Arc::clone(target(&proxy, 0).gate().unwrap());
    let begun = Instant::now();
    let _usual = proxy.tunnel_with(&Handshake::new(), &endpoint).await;
    let usual = begun.elapsed();
    let client = asking(&proxy).await;
    let _at_endpoint = endpoint.asked().await;

    sleep(3 * usual + Duration::from_millis(10)).await;
    client.vanish();

    until("the limit is lower", || gate.limit() == 6).await;
}

#[tokio::test]
async fn who_waits_gets_in_as_turns_come_free() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&one_at_once(&endpoint));
    let mut first = asking(&proxy).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    let mut second = waiting(&proxy, 1).await;

    at_endpoint.send(Handshake::grant(&head)).await;

    assert_eq!(first.head().await.status(), 101);
    let mut at_endpoint_again = endpoint.grant().await;
    assert_eq!(second.head().await.status(), 101);
    assert_carries(&mut first, &mut at_endpoint).await;
    assert_carries(&mut second, &mut at_endpoint_again).await;
}

#[tokio::test]
async fn who_waits_for_too_long_is_refused() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&one_at_once(&endpoint).with("upstream.chat.queue", "{ wait = \"100ms\" }"));
    let _first = asking(&proxy).await;
    let _at_endpoint = endpoint.asked().await;

    is_refused(asking(&proxy).await, TOO_LONG).await;

    wait_there(&proxy, 0).await;
}

#[tokio::test]
async fn a_full_queue_refuses_and_makes_room_for_who_has_less_of_it() {
    let endpoint = Endpoint::listen().await;
    let config = one_at_once(&endpoint)
        .with("upstream.chat.queue", "{ length = 2, wait = \"1min\" }")
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(&config);
    let of = |client: &str| Handshake::new().with("x-forwarded-for", client);
    let _first = asking(&proxy).await;
    let _at_endpoint = endpoint.asked().await;
    let _one = waiting_with(&proxy, &of("192.0.2.1"), 1).await;
    let displaced = waiting_with(&proxy, &of("192.0.2.1"), 2).await;
    is_refused(super::site::asking_with(&proxy, &of("192.0.2.1")).await, FULL).await;

    let mut other = super::site::asking_with(&proxy, &of("192.0.2.2")).await;

    is_refused(displaced, FULL).await;
    wait_there(&proxy, 2).await;
    other.has_nothing();
}

#[tokio::test]
async fn who_leaves_the_queue_leaves_nothing_there() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&one_at_once(&endpoint));
    let mut first = asking(&proxy).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    let mut finished = waiting(&proxy, 1).await;
    let vanished = waiting(&proxy, 2).await;

    finished.finish().await;
    wait_there(&proxy, 1).await;
    vanished.vanish();
    wait_there(&proxy, 0).await;

    let mut last = waiting(&proxy, 1).await;
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(first.head().await.status(), 101);
    let _at_endpoint_again = endpoint.grant().await;
    assert_eq!(last.head().await.status(), 101);
    drop((first, last, at_endpoint));
    assert_eq!(finished.rest().await, b"", "who has left gets no answer");
}

#[tokio::test]
async fn a_turn_comes_back_from_an_endpoint_that_cannot_be_reached() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([Endpoint::nobody(), endpoint.address()]).with("upstream.chat.handshakes_at_once", "1");
    let proxy = Proxy::serving(&config.with("upstream.chat.sticky_on", "[\"header:x-user\"]"));
    for user in 0..10 {
        let handshake = Handshake::new().with("x-user", user.to_string());
        let (_client, _at_endpoint) = proxy.tunnel_with(&handshake, &endpoint).await;
    }
    assert!(target(&proxy, 0).connect_failures() > 1);
    proxy.is_empty().await;
}

#[tokio::test]
async fn who_waits_for_an_endpoint_that_goes_away_goes_to_the_next() {
    let endpoints = [Endpoint::listen().await, Endpoint::listen().await];
    let addresses = endpoints.each_ref().map(Endpoint::address);
    let proxy = Proxy::serving(&Config::chat(addresses).with("upstream.chat.handshakes_at_once", "1"));
    let _first = asking(&proxy).await;
    let (_at_endpoint, index) = tokio::select! {
        asked = endpoints[0].asked() => (asked, 0),
        asked = endpoints[1].asked() => (asked, 1),
    };
    let mut second = waiting(&proxy, 1).await;

    target(&proxy, index).transition(EndpointEvent::Drained);

    let _at_other = endpoints[1 - index].grant().await;
    assert_eq!(second.head().await.status(), 101);
}

#[tokio::test]
async fn who_waits_for_an_endpoint_that_goes_down_waits_on_where_there_is_no_other() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&one_at_once(&endpoint));
    let mut first = asking(&proxy).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    let mut second = waiting(&proxy, 1).await;

    target(&proxy, 0).transition(EndpointEvent::ProbesFailed("it is silent"));

    sleep(Duration::from_millis(400)).await;
    wait_there(&proxy, 1).await;
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(first.head().await.status(), 101);
    let _at_endpoint_again = endpoint.grant().await;
    assert_eq!(second.head().await.status(), 101);
}

#[tokio::test]
async fn a_reload_that_raises_or_lifts_the_limit_lets_in_who_waits() {
    for limit in ["2", "\"off\""] {
        let endpoint = Endpoint::listen().await;
        let mut proxy = Proxy::serving(&one_at_once(&endpoint));
        let _first = asking(&proxy).await;
        let _at_endpoint = endpoint.asked().await;
        let mut second = waiting(&proxy, 1).await;

        proxy.reload(&one_at_once(&endpoint).with("upstream.chat.handshakes_at_once", limit)).unwrap();

        let _at_endpoint_again = endpoint.grant().await;
        assert_eq!(second.head().await.status(), 101);
    }
}

#[tokio::test]
async fn a_stop_ends_the_waiting_at_once() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&one_at_once(&endpoint).with("upstream.chat.queue", "{ wait = \"1h\" }"));
    let _first = asking(&proxy).await;
    let _at_endpoint = endpoint.asked().await;
    let mut second = waiting(&proxy, 1).await;
    let begun = Instant::now();

    proxy.running.proxy().enter(Phase::Draining);

    let (head, body) = second.answer().await;
    assert_eq!((head.status(), body.as_str()), (503, "503 going away, come back a little later\n"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    wait_there(&proxy, 0).await;
}

#[tokio::test]
async fn whom_nothing_ties_to_an_endpoint_waits_where_there_is_room() {
    for _ in 0..3 {
        let endpoints = join_all((0..3).map(|_| Endpoint::listen())).await;
        let config = Config::chat(endpoints.iter().map(Endpoint::address))
            .with("upstream.chat.policy", "\"random\"")
            .with("upstream.chat.handshakes_at_once", "1")
            .with("upstream.chat.queue", "{ length = 1, wait = \"1min\" }");
        let proxy = Proxy::serving(&config);
        // One has the turn of each endpoint, and one waits for it: there is room for six.
        let mut six = join_all((0..6).map(|_| asking(&proxy))).await;
        let mut seventh = asking(&proxy).await;
        let refused = futures_util::future::select_all(six.iter_mut().map(|client| Box::pin(client.head())));
        tokio::select! {
            (head, ..) = refused => assert_eq!(head.status(), 503, "there is no other answer here"),
            head = seventh.head() => assert_eq!(head.status(), 503),
        }
        let waiting: usize = (0..3).map(|index| target(&proxy, index).gate().unwrap().waiting()).sum();
        assert_eq!(waiting, 3, "only who finds all taken is refused");
    }
}
