//! `max_tunnels`: full endpoints are passed over, and where all are full one waits for a place.

use std::time::Duration;

use tokio::time::Instant;
use windlass::snapshot::EndpointEvent;

use super::site::{FULL, TOO_LONG, asking, asking_with, is_refused, target, wait_there, waiting, waiting_with};
use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire, until};

async fn two() -> [Endpoint; 2] {
    [Endpoint::listen().await, Endpoint::listen().await]
}

fn one_each(endpoints: &[Endpoint; 2]) -> Config {
    Config::chat(endpoints.each_ref().map(Endpoint::address)).with("upstream.chat.max_tunnels", "1")
}

/// Whichever of them is asked first grants its upgrade: which one, and its end of the tunnel.
async fn granted(endpoints: &[Endpoint; 2]) -> (usize, Wire) {
    tokio::select! {
        wire = endpoints[0].grant() => (0, wire),
        wire = endpoints[1].grant() => (1, wire),
    }
}

async fn opened(proxy: &Proxy, endpoints: &[Endpoint; 2]) -> (usize, Wire, Wire) {
    let mut client = asking(proxy).await;
    let (index, at_endpoint) = granted(endpoints).await;
    assert_eq!(client.head().await.status(), 101);
    (index, client, at_endpoint)
}

#[tokio::test]
async fn who_finds_an_endpoint_full_goes_to_the_next_and_waits_where_all_are() {
    let endpoints = two().await;
    let proxy = Proxy::serving(&one_each(&endpoints));
    let (first, client, at_endpoint) = opened(&proxy, &endpoints).await;
    let (second, _other_client, _at_other) = opened(&proxy, &endpoints).await;
    assert_ne!(first, second);
    let mut third = waiting(&proxy, 1).await;
    assert_eq!(proxy.leases(), 2);

    drop((client, at_endpoint));

    let (freed, _at_endpoint) = granted(&endpoints).await;
    assert_eq!((freed, third.head().await.status()), (first, 101));
    wait_there(&proxy, 0).await;
}

#[tokio::test]
async fn places_go_to_who_waits_in_turn_and_one_who_leaves_gives_its_own_up() {
    let endpoints = two().await;
    let proxy = Proxy::serving(&one_each(&endpoints));
    let (_, client, at_endpoint) = opened(&proxy, &endpoints).await;
    let (_, _other_client, _at_other) = opened(&proxy, &endpoints).await;
    let mut gone = waiting(&proxy, 1).await;
    let mut third = waiting(&proxy, 2).await;
    let mut fourth = waiting(&proxy, 3).await;

    gone.finish().await;
    wait_there(&proxy, 2).await;
    drop((client, at_endpoint));

    let (_, at_endpoint) = granted(&endpoints).await;
    assert_eq!(third.head().await.status(), 101);
    fourth.has_nothing();
    drop((third, at_endpoint));
    let (_, _at_endpoint) = granted(&endpoints).await;
    assert_eq!(fourth.head().await.status(), 101);
}

#[tokio::test]
async fn who_waits_for_too_long_or_comes_to_a_full_queue_is_refused() {
    let endpoints = two().await;
    let full = one_each(&endpoints).with("upstream.chat.queue", "{ length = 1, wait = \"1min\" }");
    let mut proxy = Proxy::serving(&full);
    let _first = opened(&proxy, &endpoints).await;
    let _second = opened(&proxy, &endpoints).await;
    let third = waiting(&proxy, 1).await;
    is_refused(asking(&proxy).await, FULL).await;
    drop(third);
    wait_there(&proxy, 0).await;

    proxy.reload(&full.with("upstream.chat.queue", "{ wait = \"100ms\" }")).unwrap();

    is_refused(asking(&proxy).await, TOO_LONG).await;
    wait_there(&proxy, 0).await;
}

#[tokio::test]
async fn who_waits_finds_an_endpoint_that_comes_back() {
    let endpoints = two().await;
    let proxy = Proxy::serving(&one_each(&endpoints));
    let (first, _client, _at_endpoint) = opened(&proxy, &endpoints).await;
    let other = target(&proxy, 1 - first);
    other.transition(EndpointEvent::Drained);
    let mut second = waiting(&proxy, 1).await;

    other.transition(EndpointEvent::TakenBack);

    let (index, _at_other) = granted(&endpoints).await;
    assert_eq!((index, second.head().await.status()), (1 - first, 101));
}

#[tokio::test]
async fn nobody_waits_where_no_endpoint_may_be_used() {
    let endpoints = two().await;
    let proxy = Proxy::serving(&one_each(&endpoints));
    for index in [0, 1] {
        target(&proxy, index).transition(EndpointEvent::Drained);
    }
    let mut client = asking(&proxy).await;
    assert_eq!(client.answer().await.1, "503 no endpoint can be used now\n");
}

/// Of this user, who comes from an address of its own.
fn of_user(user: usize) -> Handshake {
    Handshake::new().with("x-user", user.to_string()).with("x-forwarded-for", format!("192.0.2.{user}"))
}

async fn opened_by(proxy: &Proxy, endpoints: &[Endpoint; 2], user: usize) -> (usize, Wire, Wire) {
    let mut client = asking_with(proxy, &of_user(user)).await;
    let (index, at_endpoint) = granted(endpoints).await;
    assert_eq!(client.head().await.status(), 101);
    (index, client, at_endpoint)
}

/// Each user reaches one of them.
fn one_shard(endpoints: &[Endpoint; 2]) -> Config {
    one_each(endpoints)
        .with("upstream.chat.shards", "1")
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]")
}

#[tokio::test]
async fn a_queue_that_is_full_of_who_waits_for_other_shards_refuses_nobody_who_has_a_place() {
    let endpoints = two().await;
    let proxy = Proxy::serving(&one_shard(&endpoints).with("upstream.chat.queue", "{ length = 1, wait = \"1min\" }"));
    let (full, _client, _at_endpoint) = opened_by(&proxy, &endpoints, 0).await;
    let _waits_for_its_own = waiting_with(&proxy, &of_user(0), 1).await;
    let mut statuses = vec![];
    for user in 1..20 {
        let mut client = asking_with(&proxy, &of_user(user)).await;
        tokio::select! {
            (other, _at_endpoint) = granted(&endpoints) => {
                assert_ne!(full, other);
                statuses.push(client.head().await.status());
            }
            (head, _) = client.answer() => statuses.push(head.status()),
        }
        drop(client);
        until("it has left", || proxy.leases() == 1).await;
    }
    assert!(statuses.contains(&101) && statuses.contains(&503), "{statuses:?}");
}

#[tokio::test]
async fn a_key_whose_shards_are_full_holds_nobody_up_who_has_others() {
    let endpoints = two().await;
    let proxy = Proxy::serving(&one_shard(&endpoints));
    let (full, _client, _at_endpoint) = opened_by(&proxy, &endpoints, 0).await;
    let _waits_for_its_own = waiting_with(&proxy, &of_user(0), 1).await;

    // Those of its shard wait too, until one comes who has the other.
    let (mut user, mut waiting) = (1, vec![]);
    let (other, client, at_endpoint) = loop {
        let mut client = asking_with(&proxy, &of_user(user)).await;
        tokio::select! {
            (other, at_endpoint) = granted(&endpoints) => {
                assert_eq!(client.head().await.status(), 101);
                break (other, client, at_endpoint);
            }
            () = wait_there(&proxy, 2 + waiting.len()) => waiting.push(client),
        }
        user += 1;
    };
    assert_ne!(full, other);

    let mut next = waiting_with(&proxy, &of_user(user), 2 + waiting.len()).await;
    let begun = Instant::now();
    drop((client, at_endpoint));

    let (freed, _at_other) = granted(&endpoints).await;
    assert_eq!((freed, next.head().await.status()), (other, 101));
    assert!(begun.elapsed() < Duration::from_millis(800), "nobody has called it: {:?}", begun.elapsed());
}
