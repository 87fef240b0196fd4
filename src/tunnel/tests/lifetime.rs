//! How long a tunnel may live: its route's `max_lifetime`, what it is permitted, and who takes that back.

use super::frames::*;
use super::scene::{Scene, millis, seconds};
use crate::drain::{Cause, StopOrder};
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
    assert_eq!(outcome.ending, Ending::Expired(CloseCode::POLICY_VIOLATION));
}

#[tokio::test(start_paused = true)]
async fn an_expired_raw_tunnel_ends_with_a_fin_each_way() {
    let mut tunnel = Scene { expires: Some(seconds(100)), ..Scene::raw() }.open();
    tunnel.wait(seconds(101)).await;
    assert!(tunnel.client.has_fin() && tunnel.upstream.has_fin());
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().ending, Ending::Expired(CloseCode::POLICY_VIOLATION));
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_the_two_ends_it() {
    for (expires, ending) in
        [(seconds(1), Ending::Expired(CloseCode::POLICY_VIOLATION)), (seconds(1_000), Ending::Lifetime)]
    {
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

#[tokio::test(start_paused = true)]
async fn an_end_that_is_moved_later_in_time_keeps_the_tunnel_and_sooner_ends_it_then() {
    let mut tunnel = Scene { expires: Some(seconds(10)), ..Scene::new() }.open();
    tunnel.wait(seconds(9)).await;
    tunnel.move_end(Some(seconds(100)));
    tunnel.wait(seconds(60)).await;
    assert_eq!((tunnel.client.waiting(), tunnel.upstream.waiting()), (0, 0));
    tunnel.move_end(Some(seconds(20)));
    tunnel.wait(seconds(19)).await;
    assert_eq!(tunnel.client.waiting(), 0);
    tunnel.wait(seconds(1)).await;
    assert_eq!(tunnel.client.reads(), [close(1008, "expired")]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_taken_away_leaves_only_the_lifetime_of_the_route() {
    let scene = Scene { expires: Some(seconds(10)), ..Scene::new() };
    let mut tunnel = scene.with(|settings| settings.max_lifetime = Some(seconds(100))).open();
    tunnel.move_end(None);
    tunnel.wait(seconds(85)).await;
    assert_eq!(tunnel.client.waiting(), 0);
    tunnel.wait(seconds(35)).await;
    assert_eq!(tunnel.outcome().ending, Ending::Lifetime);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_stay_is_closed_to_both_sides_at_once_and_nothing_more_of_it_goes_on() {
    for (cause, word, reason) in
        [(Cause::Revoked, "revoked", "revoked"), (Cause::Refused, "recheck_refused", "no longer permitted")]
    {
        let mut tunnel = Scene { expires: Some(seconds(100)), ..Scene::new() }.open();
        let code = CloseCode::new(4403).unwrap();
        tunnel.order(&StopOrder::forbidding(cause, code, None));
        assert_eq!(tunnel.client.reads(), [close(4403, reason)]);
        assert_eq!(tunnel.upstream.reads(), [close(1001, reason)]);
        tunnel.client.says(text("one more thing"));
        tunnel.settle();
        assert_eq!(tunnel.upstream.waiting(), 0);
        tunnel.wait(seconds(6)).await;
        let ending = tunnel.outcome().ending;
        assert_eq!((ending.metric_word(), ending.to_string()), (word, word.to_owned()));
        assert_eq!(ending.code(&Scene::new().settings), Some(code));
    }
}
