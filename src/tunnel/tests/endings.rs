//! The table of endings, row by row, and the sentences below it.

use super::frames::*;
use super::leaving::{CLEAN, both_answer, both_leave, code};
use super::scene::{Scene, millis, seconds};
use crate::tunnel::{Ending, Loss, SideOutcome};
use crate::websocket::{PerSide, Side, Violation};

#[tokio::test(start_paused = true)]
async fn frames_pass_both_ways() {
    let mut tunnel = Scene::new().open();
    tunnel.client.says(text("hello"));
    tunnel.upstream.says(binary(100_000));
    tunnel.upstream.says(ping("?"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("hello")]);
    assert_eq!(tunnel.client.reads(), [binary(100_000), ping("?")]);
    assert!(tunnel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_peers_own_close_is_passed_on_both_ways() {
    for by in [Side::Client, Side::Upstream] {
        let mut tunnel = Scene::new().open();
        tunnel.peer(by).says(close(4001, "enough"));
        tunnel.settle();
        assert_eq!(tunnel.peer(by.other()).reads(), [close(4001, "enough")]);
        assert!(!tunnel.client.has_fin() && !tunnel.upstream.has_fin());
        tunnel.peer(by.other()).says(close(4001, "yes"));
        tunnel.settle();
        assert_eq!(tunnel.peer(by).reads(), [close(4001, "yes")]);
        both_leave(&mut tunnel);
        let outcome = tunnel.outcome();
        assert_eq!(outcome.ending, Ending::PeerClosed { by, code: Some(code(4001)) });
        assert_eq!(outcome.sides, CLEAN);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_close_stays_empty() {
    let mut tunnel = Scene::new().open();
    tunnel.client.says(empty_close());
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [empty_close()]);
    tunnel.upstream.says(empty_close());
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [empty_close()]);
    both_leave(&mut tunnel);
    assert_eq!(tunnel.outcome().ending, Ending::PeerClosed { by: Side::Client, code: None });
}

#[tokio::test(start_paused = true)]
async fn codes_that_must_not_be_sent_never_pass() {
    for illegal in [1005, 1006, 1015] {
        let mut tunnel = Scene::new().open();
        tunnel.upstream.says(close(illegal, ""));
        tunnel.settle();
        assert_eq!(tunnel.client.reads(), [close(1014, "the server was disconnected")]);
        let told: Vec<_> = tunnel.upstream.reads().iter().map(Frame::close_code).collect();
        assert_eq!(told, [Some(1002)]);
    }
}

#[tokio::test(start_paused = true)]
async fn lifetime_and_idle_tell_both_1001() {
    for (scene, ending) in [
        (Scene::new().with(|settings| settings.max_lifetime = Some(seconds(100))), Ending::Lifetime),
        (Scene::new().with(|settings| settings.idle_timeout = Some(seconds(105))), Ending::Idle),
    ] {
        let mut tunnel = scene.open();
        tunnel.wait_for_words(seconds(111)).await;
        assert_eq!(tunnel.client.reads()[0].close_code(), Some(1001));
        assert_eq!(tunnel.upstream.reads()[0].close_code(), Some(1001));
        both_answer(&mut tunnel, 1001, 1001);
        let outcome = tunnel.outcome();
        assert_eq!((outcome.ending, outcome.sides), (ending, CLEAN));
    }
}

#[tokio::test(start_paused = true)]
async fn no_pong_from_a_side_tells_both_1001() {
    for side in [Side::Client, Side::Upstream] {
        let ping = move |every: &mut PerSide<_>| every[side] = Some(seconds(25));
        let mut tunnel = Scene::new().with(|settings| ping(&mut settings.ping_every)).open();
        tunnel.wait(seconds(36)).await;
        assert_eq!(tunnel.peer(side.other()).reads(), [close(1001, "no answer to ping")]);
        let frames = tunnel.peer(side).reads();
        assert!(frames[0].is_ping());
        assert_eq!(frames[1..], [close(1001, "no answer to ping")]);
        tunnel.wait(seconds(6)).await;
        let outcome = tunnel.outcome();
        assert_eq!(outcome.ending, Ending::NoPong(side));
        assert_eq!(outcome.sides[side], SideOutcome::Unanswered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_side_is_cut_and_the_other_is_told_1001() {
    for side in [Side::Client, Side::Upstream] {
        let mut tunnel = Scene::new().with(|settings| settings.stall_timeout = Some(seconds(60))).open();
        tunnel.peer(side).has_room_for(1000);
        tunnel.peer(side.other()).says(binary(2000));
        tunnel.wait(seconds(59)).await;
        assert!(tunnel.is_open() && tunnel.peer(side.other()).waiting() == 0);
        tunnel.wait(seconds(2)).await;
        assert_eq!(tunnel.peer(side.other()).reads(), [close(1001, "the other side stalled")]);
        tunnel.peer(side.other()).says(close(1001, ""));
        tunnel.peer(side.other()).finishes();
        let outcome = tunnel.outcome();
        assert_eq!(outcome.ending, Ending::Stalled(side));
        assert_eq!((outcome.sides[side], outcome.sides[side.other()]), (SideOutcome::Cut, SideOutcome::Clean));
    }
}

#[tokio::test(start_paused = true)]
async fn who_breaks_the_protocol_reads_1002_and_the_other_1001_or_1014() {
    let reserved = Frame { first: 0x83, payload: b"?".to_vec() };
    for (by, others) in [
        (Side::Client, close(1001, "the client was disconnected")),
        (Side::Upstream, close(1014, "the server was disconnected")),
    ] {
        let mut tunnel = Scene::new().open();
        tunnel.peer(by).says(text("fine"));
        tunnel.peer(by).says(reserved.clone());
        tunnel.peer(by).says(text("never"));
        tunnel.settle();
        assert_eq!(tunnel.peer(by).reads(), [close(1002, "opcode 3 is reserved")]);
        assert_eq!(tunnel.peer(by.other()).reads(), [text("fine"), others]);
        let outcome = {
            tunnel.wait(seconds(11)).await;
            tunnel.outcome()
        };
        assert_eq!(outcome.ending, Ending::Violated { by, violation: Violation::ReservedOpcode(3) });
    }
}

#[tokio::test(start_paused = true)]
async fn who_breaks_a_limit_reads_1009_or_1008_and_may_still_answer() {
    for (by, others) in [(Side::Client, 1001), (Side::Upstream, 1014)] {
        let mut tunnel = Scene::new().limit(by, |limits| limits.max_message = Some(10)).open();
        tunnel.peer(by).says(binary(11));
        tunnel.peer(by).says(text("discarded"));
        tunnel.settle();
        assert_eq!(tunnel.peer(by).reads(), [close(1009, "a message is larger than 10 bytes")]);
        assert_eq!(tunnel.peer(by.other()).reads()[0].close_code(), Some(others));
        both_answer(&mut tunnel, 1009, 1001);
        let outcome = tunnel.outcome();
        assert_eq!(outcome.ending, Ending::Violated { by, violation: Violation::MessageTooBig(10) });
        assert_eq!(outcome.sides, CLEAN);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_in_the_middle_of_a_gigabyte_reads_its_1009() {
    let mut tunnel = Scene::new().limit(Side::Client, |limits| limits.max_frame = Some(1 << 20)).open();
    tunnel.client.sends(&header(Side::Client, 0x82, 1 << 30));
    tunnel.settle();
    assert_eq!(tunnel.client.reads()[0].close_code(), Some(1009));
    let piece = vec![0; 1 << 20];
    for _ in 0..64 {
        tunnel.client.sends(&piece);
        tunnel.settle();
        assert_eq!(tunnel.client.unread(), 0, "what it still sends is read and discarded");
    }
    assert_eq!(tunnel.upstream.reads(), [close(1001, "the client was disconnected")], "and nothing of the frame");
    tunnel.client.finishes();
    tunnel.settle();
    assert!(tunnel.client.has_fin());
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_what_came_from_a_lost_endpoint_then_1014_and_a_fin() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.says(text("last words"));
    tunnel.upstream.finishes();
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [text("last words"), close(1014, "the server is gone")]);
    tunnel.client.says(text("still read"));
    tunnel.client.says(close(1014, ""));
    tunnel.settle();
    assert!(tunnel.client.has_fin());
    assert_eq!(tunnel.upstream.reads(), [text("still read")]);
    assert!(tunnel.upstream.has_fin());
    tunnel.client.finishes();
    let outcome = tunnel.outcome();
    assert_eq!(outcome.ending, Ending::Lost { side: Side::Upstream, loss: Loss::Finished });
    assert_eq!(outcome.sides, PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Finished });
}

#[tokio::test(start_paused = true)]
async fn a_fin_of_the_client_ends_only_its_direction() {
    let mut tunnel = Scene::new().open();
    tunnel.client.says(text("last words"));
    tunnel.client.finishes();
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("last words")]);
    assert!(tunnel.upstream.has_fin());
    tunnel.upstream.says(text("an answer"));
    tunnel.upstream.says(close(1000, ""));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [text("an answer"), close(1000, "")]);
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().ending, Ending::Lost { side: Side::Client, loss: Loss::Finished });
}

#[tokio::test(start_paused = true)]
async fn the_other_direction_of_a_fin_ends_at_the_half_close_timeout() {
    let mut tunnel = Scene::new().open();
    tunnel.client.finishes();
    for _ in 0..10 {
        tunnel.wait(millis(299)).await;
        tunnel.upstream.says(text("on and on"));
    }
    assert!(tunnel.is_open());
    tunnel.wait(millis(100)).await;
    assert!(tunnel.outcome().duration < millis(3_100));
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_both() {
    for side in [Side::Client, Side::Upstream] {
        let mut tunnel = Scene::new().open();
        tunnel.peer(side).says(text("delivered"));
        tunnel.settle();
        tunnel.peer(side).resets();
        tunnel.settle();
        let frames = tunnel.peer(side.other()).reads();
        assert_eq!(frames[0], text("delivered"));
        match side {
            Side::Client => assert!(tunnel.upstream.has_fin() && frames.len() == 1),
            Side::Upstream => assert_eq!(frames[1..], [close(1014, "the server is gone")]),
        }
        tunnel.wait(seconds(6)).await;
        assert_eq!(tunnel.outcome().ending, Ending::Lost { side, loss: Loss::Broken });
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_its_receiver_leaves_unanswered_is_answered_by_us() {
    for by in [Side::Client, Side::Upstream] {
        for leaves in [true, false] {
            let mut tunnel = Scene::new().open();
            tunnel.peer(by).says(close(4002, "bye"));
            tunnel.settle();
            if leaves {
                tunnel.peer(by.other()).finishes();
                tunnel.settle();
            } else {
                tunnel.wait(seconds(5)).await;
            }
            assert_eq!(tunnel.peer(by).reads(), [close(4002, "")]);
            assert!(!leaves || tunnel.is_open());
            tunnel.peer(by).finishes();
            let outcome = tunnel.outcome();
            assert_eq!(outcome.sides[by], SideOutcome::Clean);
            assert_eq!(outcome.sides[by.other()], SideOutcome::Unanswered);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_is_answered_by_us_where_its_receiver_breaks_the_protocol_or_a_limit_instead() {
    let reserved = Frame { first: 0x83, payload: b"?".to_vec() };
    for by in [Side::Client, Side::Upstream] {
        for instead in [reserved.clone(), binary(11)] {
            let mut tunnel = Scene::new().limit(by.other(), |limits| limits.max_message = Some(10)).open();
            tunnel.peer(by).says(close(4002, "bye"));
            tunnel.settle();
            tunnel.peer(by.other()).says(instead);
            tunnel.settle();
            assert_eq!(tunnel.peer(by).reads(), [close(4002, "")]);
            assert_eq!(tunnel.peer(by.other()).reads(), [close(4002, "bye")], "nothing follows a Close");
            tunnel.peer(by.other()).finishes();
            tunnel.peer(by).finishes();
            let outcome = tunnel.outcome();
            assert_eq!(outcome.ending, Ending::PeerClosed { by, code: Some(code(4002)) });
            assert_eq!(outcome.sides[by], SideOutcome::Clean);
            assert_eq!(outcome.sides[by.other()], SideOutcome::Unanswered);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_quiet_before_an_end_is_told_and_the_goodbye_is_no_part_of_it() {
    let mut tunnel = Scene::new().open();
    tunnel.wait(seconds(5)).await;
    tunnel.client.says(binary(10));
    tunnel.wait(seconds(20)).await;
    tunnel.client.says(close(1000, ""));
    tunnel.wait(seconds(3)).await;
    tunnel.upstream.says(close(1000, ""));
    tunnel.client.finishes();
    tunnel.upstream.finishes();
    tunnel.wait(millis(1)).await;
    assert_eq!(tunnel.outcome().quiet, seconds(20));
}
