//! Tunnels that have moved count for their client and their route, as those do that open in the new process.

use super::site::{Ends, Site, Way};
use crate::rig::{Frame, until_async};

const ADA: (&str, &str) = ("x-forwarded-for", "192.0.2.1");
const BOB: (&str, &str) = ("x-forwarded-for", "192.0.2.2");

/// No more than two tunnels of a client on one route, and one at all on the other.
async fn limited() -> Site {
    let keys = [
        ("listener.public.trusted_proxies", "[\"127.0.0.1\"]"),
        ("listener.plain.trusted_proxies", "[\"127.0.0.1\"]"),
        ("route.chat.max_tunnels_per_client", "2"),
        ("route.twice.max_tunnels", "1"),
    ];
    Site::started(&keys).await
}

/// How a handshake of this client is refused.
async fn refused(site: &Site, way: Way, client: (&str, &str)) -> u16 {
    let refusal = site.try_open(way, &[client]).await.map(|_| format!("{client:?} is in")).unwrap_err();
    refusal.status()
}

/// A tunnel, as soon as there is a place for it.
async fn opened_at_last(site: &Site, way: Way, client: (&str, &str)) -> Ends {
    let mut opened = None;
    until_async("a free place", async || {
        opened = site.try_open(way, &[client]).await.ok();
        opened.is_some()
    })
    .await;
    opened.unwrap().0
}

/// Both ends say good-bye.
async fn close(Ends { mut client, mut endpoint }: Ends) {
    let close = Frame::close(1000, "");
    client.send(close.by_client()).await;
    assert_eq!(endpoint.frame().await, close);
    endpoint.send(close.by_endpoint()).await;
    assert_eq!(client.frame().await, close);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_no_more_than_it_may_wherever_they_have_opened() {
    let mut site = limited().await;
    let mut of_ada = Vec::new();
    for way in [Way::Plain, Way::Tls] {
        of_ada.push((way, site.open_with(way, &[ADA]).await.0));
    }
    let of_bob = site.open_with(Way::Tls, &[BOB]).await.0;
    for _ in 0..2 {
        site.hand_over().await;
        assert_eq!(refused(&site, Way::Plain, ADA).await, 429);
    }
    let other_of_bob = site.open_with(Way::Plain, &[BOB]).await.0;
    assert_eq!(refused(&site, Way::Tls, BOB).await, 429, "one of them has moved, and one has opened here");
    let mut open = vec![of_bob, other_of_bob];
    for (way, moved) in of_ada {
        close(moved).await;
        open.push(opened_at_last(&site, way, ADA).await);
        assert_eq!(refused(&site, Way::Plain, ADA).await, 429, "{way:?}: the place of one alone was free");
    }
    for ends in &mut open {
        ends.assert_carry().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_has_no_more_than_it_may_wherever_they_have_opened() {
    let mut site = limited().await;
    let mut only = site.open_with(Way::TlsTwice, &[ADA]).await.0;
    for _ in 0..2 {
        site.hand_over().await;
        assert_eq!(refused(&site, Way::TlsTwice, BOB).await, 503);
    }
    only.assert_carry().await;
    close(only).await;
    let mut next = opened_at_last(&site, Way::TlsTwice, BOB).await;
    assert_eq!(refused(&site, Way::TlsTwice, ADA).await, 503);
    site.hand_over().await;
    assert_eq!(refused(&site, Way::TlsTwice, ADA).await, 503);
    next.assert_carry().await;
}
