//! Good-byes behind megabytes that the kernel holds: who still takes them has time, who takes nothing has none.

use super::frames::*;
use super::scene::{Open, Scene, millis, seconds};
use crate::process::Delivery;
use crate::tunnel::{Ending, SideOutcome};
use crate::websocket::{CloseCode, PerSide, Side};

const CLEAN: PerSide<SideOutcome> = PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Clean };

/// For so many seconds `side` takes something each second of what is on its way to it.
async fn takes_for(tunnel: &mut Open, side: Side, duration: u64) {
    for second in 1..=duration {
        tunnel.peer(side).delivery_is(under_way(1000 * second));
        tunnel.wait(seconds(1)).await;
    }
}

fn under_way(acked: u64) -> Delivery {
    Delivery { acked, outstanding: true, since_ack: millis(10) }
}

fn delivered(acked: u64, ago: u64) -> Delivery {
    Delivery { acked, outstanding: false, since_ack: millis(ago) }
}

#[tokio::test(start_paused = true)]
async fn a_drained_client_that_still_reads_is_waited_for() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(60));
    takes_for(&mut tunnel, Side::Client, 30).await;
    tunnel.client.says(text("hi"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("hi")], "what it says goes on until it answers");
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    tunnel.client.delivery_is(delivered(40_000, 10));
    tunnel.client.says(close(1012, ""));
    tunnel.upstream.says(close(1001, ""));
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().sides, CLEAN);
}

#[tokio::test(start_paused = true)]
async fn who_still_reads_what_stands_before_the_others_close_is_waited_for() {
    for by in [Side::Client, Side::Upstream] {
        let mut tunnel = Scene::new().open();
        tunnel.peer(by).says(close(4001, "enough"));
        takes_for(&mut tunnel, by.other(), 30).await;
        assert_eq!(tunnel.peer(by).reads(), [], "its Close has not come to where it is answered");
        tunnel.peer(by.other()).says(close(4001, "yes"));
        tunnel.settle();
        assert_eq!(tunnel.peer(by).reads(), [close(4001, "yes")]);
        tunnel.client.finishes();
        tunnel.upstream.finishes();
        let outcome = tunnel.outcome();
        assert_eq!(outcome.ending, Ending::PeerClosed { by, code: CloseCode::new(4001) });
        assert_eq!(outcome.sides, CLEAN);
    }
}

#[tokio::test(start_paused = true)]
async fn who_still_reads_what_came_from_a_lost_side_is_waited_for() {
    let mut tunnel = Scene::new().open();
    tunnel.client.says(text("last words"));
    tunnel.settle();
    tunnel.client.resets();
    takes_for(&mut tunnel, Side::Upstream, 30).await;
    assert!(tunnel.is_open());
    tunnel.upstream.delivery_is(delivered(31_000, 10));
    tunnel.wait(seconds(6)).await;
    assert!(!tunnel.is_open(), "of a FIN that has arrived nothing more is expected");
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_due_from_when_our_close_was_delivered() {
    let mut tunnel = Scene::new().with(|settings| settings.idle_timeout = Some(seconds(100))).open();
    tunnel.wait(seconds(104)).await;
    tunnel.client.delivery_is(delivered(1000, 500));
    tunnel.wait(seconds(4)).await;
    assert!(tunnel.is_open(), "it was delivered a second before the deadline");
    tunnel.wait(seconds(1)).await;
    assert_eq!(tunnel.outcome().sides.client, SideOutcome::Unanswered);
}

#[tokio::test(start_paused = true)]
async fn who_stops_to_read_is_cut_and_counted_as_cut() {
    let mut tunnel = Scene::new().with(|settings| settings.idle_timeout = Some(seconds(100))).open();
    tunnel.wait(seconds(100)).await;
    takes_for(&mut tunnel, Side::Client, 20).await;
    tunnel.wait(seconds(11)).await;
    assert_eq!(tunnel.outcome().sides, PerSide { client: SideOutcome::Cut, upstream: SideOutcome::Unanswered });
}

#[tokio::test(start_paused = true)]
async fn who_is_behind_a_pulled_cable_gets_no_extra_time() {
    let mut tunnel = Scene::new().with(|settings| settings.idle_timeout = Some(seconds(100))).open();
    tunnel.client.delivery_is(Delivery { acked: 1000, outstanding: true, since_ack: seconds(20) });
    tunnel.wait(millis(105_100)).await;
    assert_eq!(tunnel.outcome().sides.client, SideOutcome::Cut);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_beyond_the_drains_deadline() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(20));
    takes_for(&mut tunnel, Side::Client, 21).await;
    let outcome = tunnel.outcome();
    assert_eq!(outcome.duration, seconds(20));
    assert_eq!(outcome.sides.client, SideOutcome::Cut);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_side_is_not_waited_for() {
    let mut tunnel = Scene::new().with(|settings| settings.stall_timeout = Some(seconds(3))).open();
    tunnel.client.delivery_is(under_way(1000));
    tunnel.client.has_room_for(10);
    tunnel.upstream.says(binary(100));
    tunnel.upstream.says(close(1000, ""));
    tunnel.wait(millis(5_400)).await;
    assert_eq!(tunnel.upstream.reads(), [close(1000, "")]);
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().sides, PerSide { client: SideOutcome::Cut, upstream: SideOutcome::Clean });
}

#[tokio::test(start_paused = true)]
async fn a_side_that_was_cut_is_read_on_while_the_other_has_time() {
    let mut tunnel = Scene::new().open();
    tunnel.drain(seconds(60));
    tunnel.wait(millis(5_100)).await;
    assert_eq!(tunnel.client.reads(), [close(1012, "service restart")]);
    assert!(tunnel.client.has_fin() && tunnel.is_open());
    tunnel.client.says(text("hi"));
    tunnel.settle();
    assert_eq!(tunnel.client.unread(), 0, "unread input would be a reset, and destroy the Close on its way");
    assert_eq!(tunnel.upstream.reads(), [close(1001, "service restart")]);
    tunnel.upstream.says(close(1001, ""));
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().sides.client, SideOutcome::Unanswered, "nobody waits for its end");
}
