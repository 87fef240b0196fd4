//! How long a tunnel may live: its route's `max_lifetime`, and its own `expires`.

use super::frames::*;
use super::scene::{Scene, millis, seconds};
use crate::tunnel::{Ending, SideOutcome};
use crate::websocket::{CloseCode, PerSide};

#[tokio::test(start_paused = true)]
async fn an_expired_tunnel_sends_the_client_1008_and_the_endpoint_1001_to_the_moment() {
    let mut tunnel = Scene { expires: Some(seconds(100)), ..Scene::new() }.open();
    tunnel.wait(millis(99_900)).await;
    assert_eq!((tunnel.client.waiting(), tunnel.upstream.waiting()), (0, 0));
    tunnel.wait(millis(150)).await;
    assert_eq!(tunnel.client.reads(), [close(1008, "expired")]);
    assert_eq!(tunnel.upstream.reads(), [close(1001, "expired")]);
    tunnel.client.says(close(1008, ""));
    tunnel.upstream.says(close(1001, ""));
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    let settings = Scene::new().settings;
    let outcome = tunnel.outcome();
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Clean });
    assert_eq!((outcome.ending.metric_word(), outcome.ending.by()), ("expired", None));
    assert_eq!(outcome.ending.code(&settings), Some(CloseCode::POLICY_VIOLATION));
    assert_eq!(outcome.ending, Ending::Expired);
}

#[tokio::test(start_paused = true)]
async fn an_expired_raw_tunnel_ends_with_a_fin_each_way() {
    let mut tunnel = Scene { expires: Some(seconds(100)), ..Scene::raw() }.open();
    tunnel.wait(seconds(101)).await;
    assert!(tunnel.client.has_fin() && tunnel.upstream.has_fin());
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().ending, Ending::Expired);
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_the_two_ends_it() {
    for (expires, ending) in [(seconds(1), Ending::Expired), (seconds(1_000), Ending::Lifetime)] {
        let scene = Scene { expires: Some(expires), ..Scene::new() };
        let mut tunnel = scene.with(|settings| settings.max_lifetime = Some(seconds(100))).open();
        tunnel.wait(seconds(120)).await;
        assert_eq!(tunnel.outcome().ending, ending);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_that_has_expired_before_it_opens_ends_at_once() {
    let mut tunnel = Scene { expires: Some(seconds(0)), ..Scene::new() }.open();
    assert_eq!(tunnel.client.reads(), [close(1008, "expired")]);
}
