//! A tunnel that may not be open any more while it ends already: by a drain, by a peer, or in one direction.

use super::frames::*;
use super::leaving::code;
use super::scene::{Open, Scene, millis, seconds};
use crate::drain::{Cause, StopOrder};
use crate::tunnel::{Ending, SideOutcome};
use crate::websocket::{CloseCode, PerSide, Side};

fn revoke(tunnel: &mut Open) {
    tunnel.order(&StopOrder::forbidding(Cause::Revoked, CloseCode::FORBIDDEN, None));
}

fn is_revoked(ending: &Ending) -> bool {
    matches!(ending, Ending::Drained(order) if order.cause == Cause::Revoked && order.code == CloseCode::FORBIDDEN)
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_says_nothing_more_to_its_endpoint_and_counts_as_revoked() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(300));
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    tunnel.client.says(text("a last word"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("a last word")]);
    revoke(&mut tunnel);
    assert_eq!(tunnel.upstream.reads(), [close(1001, "revoked")]);
    tunnel.client.says(text("another one"));
    tunnel.wait(seconds(6)).await;
    assert_eq!((tunnel.client.waiting(), tunnel.upstream.waiting()), (0, 0), "it has read its Close");
    let outcome = tunnel.outcome();
    assert!(is_revoked(&outcome.ending), "{outcome:?}");
    assert_eq!(outcome.ending.metric_word(), "revoked");
    assert!(outcome.duration <= seconds(6), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_and_whose_close_still_waits_for_a_boundary_reads_that_it_is_revoked() {
    let mut tunnel = Scene::new().open();
    let frame = text("half and half");
    let bytes = frame.encode(Side::Upstream);
    let (first, rest) = bytes.split_at(6);
    tunnel.upstream.sends(first);
    tunnel.settle();
    tunnel.drain(seconds(300));
    assert_eq!(tunnel.client.reads(), [], "no Close inside a frame");
    revoke(&mut tunnel);
    tunnel.upstream.sends(rest);
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [frame, close(4403, "revoked")]);
    tunnel.wait(seconds(6)).await;
    assert!(is_revoked(&tunnel.outcome().ending));
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_revoked_too_where_the_drain_would_have_been_over_sooner() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(2));
    revoke(&mut tunnel);
    tunnel.wait(seconds(3)).await;
    let outcome = tunnel.outcome();
    assert!(is_revoked(&outcome.ending), "{outcome:?}");
    assert_eq!(outcome.duration, seconds(2));
}

#[tokio::test(start_paused = true)]
async fn one_that_closes_already_is_left_to_it_for_a_moment() {
    let mut tunnel = Scene::new().with(|settings| settings.closing_timeout = seconds(600)).open();
    tunnel.client.says(close(1000, "bye"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [close(1000, "bye")]);
    revoke(&mut tunnel);
    assert_eq!((tunnel.client.waiting(), tunnel.upstream.waiting()), (0, 0));
    tunnel.wait(seconds(6)).await;
    let outcome = tunnel.outcome();
    assert!(matches!(outcome.ending, Ending::PeerClosed { code: Some(CloseCode::NORMAL), .. }), "{outcome:?}");
    assert!(outcome.duration <= seconds(6), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_comes_after_it_changes_nothing() {
    let mut tunnel = Scene::new().open();
    revoke(&mut tunnel);
    tunnel.drain(seconds(300));
    assert_eq!(tunnel.client.reads(), [close(4403, "revoked")]);
    assert_eq!(tunnel.upstream.reads(), [close(1001, "revoked")]);
    tunnel.client.says(close(4403, ""));
    tunnel.upstream.says(close(1001, ""));
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    let outcome = tunnel.outcome();
    assert!(is_revoked(&outcome.ending), "{outcome:?}");
    assert_eq!(outcome.ending.code(&Scene::new().settings), Some(code(4403)));
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Clean });
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_raw_tunnel_in_one_direction_ends_too() {
    for drained in [false, true] {
        let mut tunnel = Scene::raw().with(|settings| settings.half_close_timeout = None).open();
        tunnel.client.finishes();
        tunnel.settle();
        tunnel.wait(seconds(60)).await;
        assert!(tunnel.is_open() && tunnel.upstream.has_fin());
        if drained {
            tunnel.drain(seconds(2));
        }
        revoke(&mut tunnel);
        assert!(tunnel.client.has_fin(), "drained: {drained}");
        tunnel.upstream.finishes();
        tunnel.wait(millis(50)).await;
        assert!(is_revoked(&tunnel.outcome().ending), "drained: {drained}");
    }
}
