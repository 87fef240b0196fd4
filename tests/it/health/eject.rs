//! Endpoints that are left alone because requests fail there, without any probe.

use serde_json::Value;
use windlass::snapshot::EndpointState;

use super::probed::ProbedEndpoint;
use super::site::Site;
use crate::rig::{Config, Handshake, Proxy, log, within};

#[tokio::test]
async fn after_three_failures_in_a_row_an_endpoint_is_left_alone_and_comes_back_by_one_trial() {
    const UPSTREAM: &str = "left-alone";
    let mut lines = log::lines();
    let (mut a, mut b) = (ProbedEndpoint::start().await, ProbedEndpoint::start().await);
    let config = Config::default()
        .with("listener.public.bind", "\"127.0.0.1:0\"")
        .with("route.chat.upstream", &format!("\"{UPSTREAM}\""))
        .endpoints(UPSTREAM, [a.address(), b.address()])
        .with(&format!("upstream.{UPSTREAM}.sticky_on"), "[\"query:k\"]")
        .with(&format!("upstream.{UPSTREAM}.eject"), "{ after = 3, first = \"1s\", most = \"1s\" }");
    let proxy = Proxy::serving(&config);
    let snapshot = proxy.running.proxy().snapshot();
    let endpoint = &snapshot.upstreams()[UPSTREAM].endpoints()[0];
    let asks = async |key: usize| {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().request(&format!("GET /chat?k={key} HTTP/1.1")).bytes()).await;
        client
    };

    a.refuses_with(503);
    for key in 0.. {
        let mut client = asks(key).await;
        b.grant().await;
        assert_eq!(client.head().await.status(), 101, "whoever failed there is served elsewhere");
        if endpoint.state().is_ejected() {
            break;
        }
    }
    assert_eq!(endpoint.causes()[0].why, "3 upgrades in a row failed: status 503");

    a.serves();
    let mut number = 0;
    let served_by_a = async {
        loop {
            number += 1;
            let mut client = asks(number).await;
            let on_a = tokio::select! {
                _ = a.grant() => true,
                _ = b.grant() => false,
            };
            assert_eq!(client.head().await.status(), 101);
            if on_a {
                return;
            }
        }
    };
    within("its back-off to be over", served_by_a).await;
    assert_eq!(endpoint.state(), EndpointState::ELIGIBLE);
    assert_eq!(endpoint.health_counts().ejections, 1);

    let is_ours = |line: &Value| line["upstream"] == UPSTREAM && line["state"].is_string();
    let ours = lines.until(|lines| lines.iter().filter(|line| is_ours(line)).count() >= 2).await;
    let ours: Vec<_> = ours.into_iter().filter(is_ours).collect();
    let said = |field: &str| ours.iter().map(|line| line[field].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(said("level"), ["WARN", "INFO"]);
    assert_eq!(said("state"), ["ejected", "eligible"]);
    assert_eq!(said("cause"), ["3 upgrades in a row failed: status 503", "its trial went well"]);
}

#[tokio::test]
async fn a_refusal_that_is_the_clients_fault_leaves_nobody_alone() {
    let site = Site::with(&[("health", "\"off\""), ("eject", "{ after = 1 }")]).await;
    site.a.refuses_with(403);
    site.b.refuses_with(403);
    for key in 0..8 {
        assert_eq!(site.asks(key).await.head().await.status(), 403);
    }
    assert!(site.state("a").is_eligible() && site.state("b").is_eligible());
}

#[tokio::test]
async fn the_last_one_is_never_left_alone() {
    let site = Site::with(&[("health", "\"off\""), ("eject", "{ after = 1, first = \"1min\" }")]).await;
    site.a.refuses_with(503);
    site.b.refuses_with(503);
    for key in 0..8 {
        assert_eq!(site.asks(key).await.head().await.status(), 503);
    }
    let eligible = ["a", "b"].into_iter().filter(|name| site.state(name).is_eligible()).count();
    assert_eq!(eligible, 1);
}
