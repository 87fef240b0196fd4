//! What both sides are sent when a drain ends their tunnel, and what they may still send.

use super::frames::*;
use super::leaving::{CLEAN, both_answer, both_leave, code};
use super::scene::{Scene, millis, seconds};
use crate::tunnel::{Ending, SideOutcome};
use crate::websocket::{PerSide, Side};

#[tokio::test(start_paused = true)]
async fn a_drain_tells_the_client_first_and_the_endpoint_after_the_clients_close() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(60));
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    assert_eq!(tunnel.upstream.reads(), []);
    for message in 0..100 {
        tunnel.client.says(text(&format!("message {message}")));
        tunnel.upstream.says(text("too late"));
    }
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads().len(), 100, "none of the client's messages is lost");
    assert_eq!(tunnel.client.reads(), [], "nothing follows our Close");
    tunnel.client.says(text("the last one"));
    tunnel.client.says(close(1012, ""));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("the last one"), close(1001, "service restart")]);
    tunnel.upstream.says(close(1001, ""));
    tunnel.settle();
    both_leave(&mut tunnel);
    assert_eq!(tunnel.client.reads(), [], "the endpoint's answer to our Close is swallowed");
    let outcome = tunnel.outcome();
    assert!(matches!(outcome.ending, Ending::Drained(order) if order.code == code(1012)));
    assert_eq!(outcome.sides, CLEAN);
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_of_a_drained_client_that_does_not_answer_is_told_all_the_same() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(60));
    tunnel.wait(seconds(5)).await;
    assert_eq!(tunnel.upstream.reads(), [close(1001, "service restart")]);
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    assert!(tunnel.client.has_fin());
    assert!(tunnel.is_open(), "the endpoint has its own time to answer");
    tunnel.upstream.says(close(1001, ""));
    tunnel.upstream.finishes();
    let sides = tunnel.outcome().sides;
    assert_eq!(sides, PerSide { client: SideOutcome::Unanswered, upstream: SideOutcome::Clean });
}

#[tokio::test(start_paused = true)]
async fn a_drains_deadline_leaves_the_endpoint_a_last_word() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(2));
    tunnel.wait(seconds(2)).await;
    assert_eq!(tunnel.upstream.reads(), [close(1001, "service restart")]);
    assert_eq!(tunnel.outcome().duration, seconds(2));
}

#[tokio::test(start_paused = true)]
async fn a_second_drain_brings_the_deadline_nearer() {
    let mut tunnel = Scene::new().with(|settings| settings.closing_timeout = seconds(600)).open();
    tunnel.drain(seconds(300));
    tunnel.wait(seconds(1)).await;
    tunnel.drain(seconds(400));
    tunnel.wait(seconds(1)).await;
    tunnel.drain(seconds(2));
    tunnel.wait(seconds(3)).await;
    assert_eq!(tunnel.outcome().duration, seconds(4));
}

#[tokio::test(start_paused = true)]
async fn a_limit_during_a_drain_stops_the_message_and_not_the_good_byes() {
    let mut tunnel = Scene::new().limit(Side::Client, |limits| limits.max_message = Some(10)).open();
    tunnel.drain(seconds(60));
    tunnel.client.says(text("fine"));
    tunnel.client.says(binary(11));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("fine"), close(1001, "service restart")]);
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    both_answer(&mut tunnel, 1012, 1001);
    assert_eq!(tunnel.outcome().sides, CLEAN);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_closes_by_itself_in_a_drain_does_not_break_it() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(60));
    tunnel.upstream.says(close(1000, "mine"));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    tunnel.client.says(close(1012, ""));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [close(1001, "service restart")]);
    both_leave(&mut tunnel);
    assert_eq!(tunnel.outcome().sides, CLEAN);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_only_talks_on_is_cut_at_the_deadline() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(60));
    while tunnel.is_open() {
        tunnel.client.says(text("I did not hear that"));
        tunnel.upstream.says(text("nor I"));
        tunnel.wait(millis(500)).await;
    }
    assert!(tunnel.outcome().duration <= seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_blocked_side_is_read_on_once_the_other_was_told() {
    // The client takes nothing of a large frame; the endpoint's answer and FIN are found all the same.
    let mut tunnel = Scene::new().with(|settings| settings.idle_timeout = Some(seconds(10))).open();
    tunnel.upstream.has_room_for(10);
    tunnel.client.says(text("0123456789012345"));
    tunnel.settle();
    tunnel.client.says(close(1000, ""));
    tunnel.settle();
    assert!(tunnel.is_open());
    tunnel.drain(seconds(30));
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    tunnel.wait(seconds(31)).await;
    assert!(!tunnel.is_open());
}
