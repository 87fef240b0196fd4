//! Who is placed on an endpoint that is down.

use std::time::Duration;

use tokio::time::Instant;
use windlass::snapshot::EndpointState;

use super::site::Site;
use crate::rig::{Config, Endpoint, Handshake, Proxy, until};

#[tokio::test]
async fn an_endpoint_that_is_down_takes_nobody_and_comes_back_when_its_probes_pass() {
    let mut site = Site::probed().await;
    let at_home = site.tunnels_on("a", 1).await;
    site.a.falls_ill();
    site.is_down("a").await;
    for key in 0..16 {
        assert_eq!(site.tunnel(key).await.2, "b");
    }
    site.a.has_nobody();
    site.a.recovers();
    site.is_up("a").await;
    site.tunnels_on("a", 1).await;
    drop(at_home);
}

#[tokio::test]
async fn probes_that_pass_again_end_the_ejection_too_and_nobody_has_to_try() {
    let mut site = Site::with(&[("eject", "{ after = 1, first = \"1h\", most = \"1h\" }")]).await;
    site.a.refuses_with(503);
    for key in 0.. {
        let mut client = site.asks(key).await;
        site.b.grant().await;
        assert_eq!(client.head().await.status(), 101);
        if site.state("a").is_ejected() {
            break;
        }
    }
    site.a.falls_ill();
    site.is_down("a").await;
    assert!(site.state("a").is_ejected());
    site.a.recovers();
    site.a.serves();
    site.is_up("a").await;
    site.tunnels_on("a", 1).await;
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_down_as_soon_as_a_request_finds_out() {
    let (there, gone) = (Endpoint::listen().await, Endpoint::nobody());
    let config = Config::chat([gone, there.address()])
        .with("upstream.chat.sticky_on", "[\"query:k\"]")
        .with("upstream.chat.health", "{ probe = \"tcp\", every = \"1h\", fall = 3 }");
    let proxy = Proxy::serving(&config);
    let snapshot = proxy.running.proxy().snapshot();
    let endpoint = &snapshot.upstreams()["chat"].endpoints()[0];
    for key in 0.. {
        let handshake = Handshake::new().request(&format!("GET /chat?k={key} HTTP/1.1"));
        drop(proxy.tunnel_with(&handshake, &there).await);
        if endpoint.connect_failures() > 0 {
            break;
        }
    }
    let first_sign = Instant::now();
    until("the endpoint is down", || endpoint.state().is_down()).await;
    // An hour would be the next probe; how soon it is to the millisecond is told in virtual time.
    assert!(first_sign.elapsed() < Duration::from_secs(10), "{:?}", first_sign.elapsed());
    let failures = endpoint.connect_failures();
    for key in 0..16 {
        let handshake = Handshake::new().request(&format!("GET /chat?k={key} HTTP/1.1"));
        drop(proxy.tunnel_with(&handshake, &there).await);
    }
    assert_eq!(endpoint.connect_failures(), failures, "nobody is sent there any more");
    assert_eq!(endpoint.state(), EndpointState::DOWN);
}
