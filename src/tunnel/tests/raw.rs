//! Tunnels of other protocols: bytes.

use super::scene::{Scene, millis, seconds};
use crate::config::{Rate, WebsocketSettings};
use crate::tunnel::{Ending, Loss, SideOutcome};
use crate::websocket::{PerSide, Side, Violation};

#[tokio::test(start_paused = true)]
async fn bytes_pass_as_they_come() {
    let mut tunnel = Scene::raw().open();
    tunnel.client.sends(b"\x00\xff anything");
    tunnel.upstream.sends(&[0x83; 1000]);
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads_bytes(), b"\x00\xff anything");
    assert_eq!(tunnel.client.reads_bytes(), [0x83; 1000]);
}

#[tokio::test(start_paused = true)]
async fn a_half_close_is_kept_while_the_other_half_talks() {
    for side in [Side::Client, Side::Upstream] {
        let mut tunnel = Scene::raw().open();
        tunnel.peer(side).sends(b"request");
        tunnel.peer(side).finishes();
        tunnel.settle();
        assert_eq!(tunnel.peer(side.other()).reads_bytes(), b"request");
        assert!(tunnel.peer(side.other()).has_fin());
        for _ in 0..10 {
            tunnel.wait(seconds(2)).await;
            tunnel.peer(side.other()).sends(b"part of the answer");
            tunnel.settle();
            assert_eq!(tunnel.peer(side).reads_bytes(), b"part of the answer");
        }
        tunnel.peer(side.other()).finishes();
        let outcome = tunnel.outcome();
        assert!(tunnel.peer(side).has_fin());
        assert_eq!(outcome.ending, Ending::Lost { side, loss: Loss::Finished });
        assert_eq!(outcome.sides, PerSide { client: SideOutcome::Finished, upstream: SideOutcome::Finished });
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_that_is_quiet_ends() {
    let mut tunnel = Scene::raw().open();
    tunnel.client.finishes();
    tunnel.wait(millis(3_100)).await;
    assert!(!tunnel.is_open());
}

#[tokio::test(start_paused = true)]
async fn without_a_timeout_a_half_may_be_quiet_for_days_and_a_drain_still_ends_it() {
    let mut tunnel = Scene::raw().with(|settings| settings.half_close_timeout = None).open();
    tunnel.client.sends(b"all of my input");
    tunnel.client.finishes();
    tunnel.jump(seconds(3 * 24 * 3600)).await;
    tunnel.upstream.sends(b"done");
    tunnel.settle();
    assert_eq!(tunnel.client.reads_bytes(), b"done");
    tunnel.drain(seconds(5));
    tunnel.wait(seconds(5)).await;
    assert!(!tunnel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_half_is_not_quiet_while_its_reader_is_slow() {
    let mut tunnel = Scene::raw().with(|settings| settings.stall_timeout = Some(seconds(60))).open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.sends(&[1; 30]);
    tunnel.client.finishes();
    for _ in 0..3 {
        tunnel.wait(seconds(50)).await;
        assert_eq!(tunnel.client.reads_bytes().len(), 10);
    }
    tunnel.wait(seconds(4)).await;
    assert!(!tunnel.is_open(), "now it is quiet");

    let mut tunnel = Scene::raw().with(|settings| settings.stall_timeout = Some(seconds(60))).open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.sends(&[1; 30]);
    tunnel.client.finishes();
    tunnel.wait(seconds(66)).await;
    assert!(!tunnel.is_open(), "now it is stalled");
}

#[tokio::test(start_paused = true)]
async fn every_timer_holds_for_the_half_that_goes_on() {
    let ends_as = async |change: fn(&mut WebsocketSettings), room, ending: fn(Side) -> Ending| {
        for side in [Side::Client, Side::Upstream] {
            let mut tunnel = Scene::raw().with(|settings| settings.half_close_timeout = None).with(change).open();
            tunnel.peer(side).has_room_for(room);
            tunnel.peer(side).finishes();
            tunnel.peer(side.other()).sends(&[1; 30]);
            tunnel.wait(seconds(50)).await;
            assert!(tunnel.is_open());
            tunnel.wait(seconds(30)).await;
            assert_eq!(tunnel.outcome().ending, ending(side));
        }
    };
    ends_as(|it| it.stall_timeout = Some(seconds(60)), 10, Ending::Stalled).await;
    ends_as(|it| it.idle_timeout = Some(seconds(60)), 30, |_| Ending::Idle).await;
    ends_as(|it| it.max_lifetime = Some(seconds(60)), 10, |_| Ending::Lifetime).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_bytes_a_second_end_both() {
    let mut tunnel = Scene::raw()
        .limit(Side::Client, |limits| limits.bytes_per_second = Some(Rate { per_second: 1000, burst: 1000 }))
        .open();
    tunnel.client.sends(&[7; 2000]);
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads_bytes().len(), 1000, "what is above the rate is not delivered");
    assert!(tunnel.client.has_fin() && tunnel.upstream.has_fin());
    tunnel.client.sends(&[7; 2000]);
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    let outcome = tunnel.outcome();
    assert!(tunnel.upstream.reads_bytes().is_empty(), "what comes after that is discarded");
    let violation = Violation::TooManyBytes(1000);
    assert_eq!(outcome.ending, Ending::Violated { by: Side::Client, violation });
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Finished, upstream: SideOutcome::Finished });
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_both() {
    let mut tunnel = Scene::raw().open();
    tunnel.client.resets();
    tunnel.settle();
    assert!(tunnel.upstream.has_fin());
    tunnel.upstream.sends(b"on and on");
    tunnel.wait(seconds(5)).await;
    assert!(!tunnel.is_open());
}

#[tokio::test(start_paused = true)]
async fn idle_counts_bytes() {
    let mut tunnel = Scene::raw().with(|settings| settings.idle_timeout = Some(seconds(60))).open();
    for _ in 0..5 {
        tunnel.wait(seconds(59)).await;
        tunnel.upstream.sends(b".");
    }
    tunnel.wait(seconds(59)).await;
    assert!(tunnel.is_open());
    tunnel.wait(seconds(2)).await;
    assert!(tunnel.upstream.has_fin());
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().ending, Ending::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_a_fin_to_both() {
    let mut tunnel = Scene::raw().open();
    tunnel.client.sends(b"before");
    tunnel.settle();
    tunnel.drain(seconds(600));
    assert_eq!(tunnel.upstream.reads_bytes(), b"before");
    assert!(tunnel.client.has_fin() && tunnel.upstream.has_fin());
    tunnel.client.finishes();
    tunnel.wait(seconds(5)).await;
    let outcome = tunnel.outcome();
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Finished, upstream: SideOutcome::Cut });
}

#[tokio::test(start_paused = true)]
async fn a_stalled_side_is_cut() {
    let mut tunnel = Scene::raw().with(|settings| settings.stall_timeout = Some(seconds(60))).open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.sends(&[1; 100]);
    tunnel.wait(seconds(61)).await;
    assert!(tunnel.upstream.has_fin());
    tunnel.upstream.finishes();
    let outcome = tunnel.outcome();
    assert_eq!(outcome.ending, Ending::Stalled(Side::Client));
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Cut, upstream: SideOutcome::Finished });
}

#[tokio::test(start_paused = true)]
async fn nobody_is_pinged() {
    let mut tunnel =
        Scene::raw().with(|settings| settings.ping_every = PerSide { client: Some(seconds(1)), upstream: None }).open();
    tunnel.wait(seconds(100)).await;
    assert!(tunnel.is_open());
    assert_eq!(tunnel.client.reads_bytes(), b"");
}
