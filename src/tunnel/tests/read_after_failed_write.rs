//! What a side still said before a write to it failed.

use super::frames::*;
use super::scene::{Scene, millis, seconds};
use crate::process::Delivery;
use crate::tunnel::{Ending, Loss, SideOutcome};
use crate::websocket::{CloseCode, PerSide, Side};

#[tokio::test(start_paused = true)]
async fn a_failed_write_ends_the_tunnel_after_what_that_side_still_said() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.says(text("before"));
    tunnel.upstream.stops_taking();
    tunnel.client.says(text("into the void"));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [text("before")]);
    tunnel.upstream.finishes();
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [close(1014, "the server is gone")]);
    tunnel.client.says(close(1014, ""));
    tunnel.client.finishes();
    assert_eq!(tunnel.outcome().ending, Ending::Lost { side: Side::Upstream, loss: Loss::Broken });
}

#[tokio::test(start_paused = true)]
async fn last_words_that_show_only_after_a_failed_write_are_passed_on() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.stops_taking();
    tunnel.client.says(text("into the void"));
    tunnel.settle();
    // They were in the kernel before the write failed; the worker sees them when it looks at its sockets again.
    tunnel.upstream.says(text("see you"));
    tunnel.upstream.says(close(1012, "restarting"));
    tunnel.upstream.finishes();
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [text("see you"), close(1012, "restarting")]);
    tunnel.client.says(close(1012, ""));
    tunnel.client.finishes();
    let outcome = tunnel.outcome();
    assert_eq!(outcome.ending, Ending::PeerClosed { by: Side::Upstream, code: CloseCode::new(1012) });
    assert_eq!(outcome.sides.client, SideOutcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn last_words_are_not_waited_for_for_ever() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.stops_taking();
    tunnel.client.says(text("into the void"));
    tunnel.wait(millis(4_900)).await;
    assert_eq!(tunnel.client.reads(), []);
    tunnel.wait(millis(100)).await;
    assert_eq!(tunnel.client.reads(), [close(1014, "the server is gone")]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_side_whose_words_nobody_takes_is_gone() {
    let mut tunnel = Scene::new().open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.says(binary(1000));
    tunnel.settle();
    tunnel.upstream.stops_taking();
    tunnel.client.says(text("into the void"));
    tunnel.wait(seconds(11)).await;
    assert_eq!(tunnel.outcome().ending, Ending::Lost { side: Side::Upstream, loss: Loss::Broken });
}

#[tokio::test(start_paused = true)]
async fn the_last_words_of_a_dead_side_wait_for_a_slow_reader() {
    let mut tunnel = Scene::new().open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.says(binary(200_000));
    tunnel.upstream.says(close(1012, "restarting"));
    tunnel.settle();
    tunnel.upstream.stops_taking();
    tunnel.client.says(text("into the void"));
    for acked in 1..10 {
        tunnel.client.delivery_is(Delivery { acked, outstanding: true, since_ack: millis(1) });
        tunnel.wait(seconds(4)).await;
    }
    tunnel.client.has_room_for(usize::MAX);
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [binary(200_000), close(1012, "restarting")]);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_cannot_be_written_is_answered_by_us() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.stops_taking();
    tunnel.client.says(close(1000, ""));
    tunnel.upstream.finishes();
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [close(1000, "")]);
    tunnel.client.finishes();
    let outcome = tunnel.outcome();
    assert_eq!(outcome.ending, Ending::PeerClosed { by: Side::Client, code: CloseCode::new(1000) });
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Finished });
}
