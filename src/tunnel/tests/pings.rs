//! When a side is pinged, what answers it, and who is not cut without an answer.

use super::frames::*;
use super::scene::{Open, Scene, millis, seconds};
use crate::config::{Excess, IdleCounts, Pongs, Rate};
use crate::process::Delivery;
use crate::tunnel::Ending;
use crate::websocket::Side;

fn pinging(side: Side) -> Scene {
    Scene::new().with(|settings| settings.ping_every[side] = Some(seconds(25)))
}

/// The payload of our ping, which must be all that `side` has read.
#[track_caller]
fn our_ping(tunnel: &mut Open, side: Side) -> Vec<u8> {
    let frames = tunnel.peer(side).reads();
    assert!(frames.len() == 1 && frames[0].is_ping(), "{frames:?}");
    frames[0].payload.clone()
}

#[tokio::test(start_paused = true)]
async fn a_talking_peer_is_not_pinged() {
    let mut tunnel = pinging(Side::Client).open();
    for _ in 0..10 {
        tunnel.wait(seconds(24)).await;
        tunnel.client.says(text("here"));
    }
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), []);
    assert_eq!(tunnel.upstream.reads().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn any_frame_answers_a_ping() {
    for side in [Side::Client, Side::Upstream] {
        let mut tunnel = pinging(side).open();
        for _ in 0..5 {
            tunnel.wait(millis(25_100)).await;
            our_ping(&mut tunnel, side);
            tunnel.wait(millis(9_800)).await;
            tunnel.peer(side).says(text("still here"));
            tunnel.settle();
        }
        assert!(tunnel.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn a_pong_is_ours_to_swallow_only_if_the_ping_was() {
    let mut tunnel = pinging(Side::Client).open();
    tunnel.wait(seconds(26)).await;
    let mark = our_ping(&mut tunnel, Side::Client);
    tunnel.client.says(text("one"));
    tunnel.client.says(pong(&mark));
    tunnel.client.says(pong(b"unasked"));
    tunnel.client.says(pong(&mark));
    tunnel.client.says(text("two"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("one"), pong(b"unasked"), text("two")]);
}

#[tokio::test(start_paused = true)]
async fn our_pong_may_come_in_pieces() {
    let mut tunnel = pinging(Side::Client).open();
    tunnel.wait(seconds(26)).await;
    let mark = our_ping(&mut tunnel, Side::Client);
    tunnel.client.moves_at_most(1);
    for frame in [text("one"), pong(&mark), text("two"), pong(&mark), pong(b"?")] {
        tunnel.client.says(frame);
    }
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("one"), text("two"), pong(b"?")]);
}

#[tokio::test(start_paused = true)]
async fn a_forwarded_ping_asks_for_us() {
    let mut tunnel = pinging(Side::Client).open();
    tunnel.upstream.says(ping("are you there?"));
    tunnel.wait(seconds(30)).await;
    assert_eq!(tunnel.client.reads(), [ping("are you there?")], "a second ping could take the first one's answer away");
    tunnel.client.says(pong(b"are you there?"));
    tunnel.wait(seconds(26)).await;
    our_ping(&mut tunnel, Side::Client);
    tunnel.client.says(text("yes"));
    tunnel.upstream.says(ping("and now?"));
    tunnel.wait(seconds(36)).await;
    assert_eq!(tunnel.client.reads()[0], ping("and now?"));
    tunnel.wait(seconds(11)).await;
    assert_eq!(tunnel.outcome().ending, Ending::NoPong(Side::Client));
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_back_after_a_forwarded_ping_it_is_not_waited_for_for_good() {
    // A Pong and a Ping in one read; data, by a peer that answers only the latest of two pings.
    for answers in [[pong(b"theirs"), ping("its own")], [text("one"), text("two")]] {
        let mut tunnel = pinging(Side::Client).open();
        tunnel.upstream.says(ping("theirs"));
        tunnel.settle();
        assert_eq!(tunnel.client.reads(), [ping("theirs")]);
        for answer in answers {
            tunnel.client.says(answer);
        }
        tunnel.settle();

        tunnel.wait(millis(25_100)).await;

        our_ping(&mut tunnel, Side::Client);
        tunnel.wait(millis(9_800)).await;
        assert!(tunnel.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn the_pong_clock_starts_when_the_ping_has_left_our_buffers() {
    let mut tunnel = pinging(Side::Client).open();
    tunnel.client.has_room_for(1);
    tunnel.wait(seconds(300)).await;
    assert!(tunnel.is_open());
    tunnel.client.has_room_for(100);
    tunnel.wait(millis(9_900)).await;
    our_ping(&mut tunnel, Side::Client);
    tunnel.wait(millis(200)).await;
    assert_eq!(tunnel.client.reads(), [close(1001, "no answer to ping")]);
}

#[tokio::test(start_paused = true)]
async fn clocks_stand_still_under_back_pressure() {
    let mut tunnel = pinging(Side::Upstream).with(|settings| settings.idle_timeout = Some(seconds(100))).open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.says(binary(1000));
    tunnel.wait(seconds(1000)).await;
    assert!(tunnel.is_open(), "neither idle nor dead: we do not listen to it");
    assert_eq!(tunnel.upstream.reads(), []);
    tunnel.client.has_room_for(10_000);
    tunnel.wait(seconds(24)).await;
    assert_eq!(tunnel.upstream.reads(), []);
    tunnel.wait(seconds(2)).await;
    our_ping(&mut tunnel, Side::Upstream);
}

#[tokio::test(start_paused = true)]
async fn clocks_stand_still_while_a_side_is_throttled() {
    let mut tunnel = pinging(Side::Client)
        .limit(Side::Client, |limits| {
            limits.bytes_per_second = Some(Rate { per_second: 100, burst: 100 });
            limits.excess = Excess::Throttle;
        })
        .open();
    tunnel.client.says(binary(10_000));
    tunnel.client.says(text("after"));
    tunnel.wait(seconds(95)).await;
    assert_eq!((tunnel.upstream.reads(), tunnel.client.reads()), (vec![], vec![]), "nobody is asked who is not heard");
    tunnel.wait(seconds(10)).await;
    assert_eq!(tunnel.upstream.reads(), [binary(10_000), text("after")]);
    tunnel.wait(seconds(26)).await;
    our_ping(&mut tunnel, Side::Client);
}

#[tokio::test(start_paused = true)]
async fn a_phone_whose_pong_queues_behind_megabytes_is_not_killed() {
    let mut tunnel = pinging(Side::Client).open();
    tunnel.wait(seconds(25)).await;
    for acked in 0..10 {
        tunnel.client.delivery_is(Delivery { acked: 1000 * acked, outstanding: true, since_ack: seconds(1) });
        tunnel.wait(seconds(9)).await;
    }
    assert!(tunnel.is_open(), "its kernel still takes what was written before the ping");
    tunnel.wait(seconds(21)).await;
    assert!(tunnel.client.reads().contains(&close(1001, "no answer to ping")), "now it takes nothing");
}

/// A client that answers no pings, where that is its right.
fn silent() -> Open {
    let tunnel = pinging(Side::Client).with(|settings| settings.pongs.client = Pongs::OnceSeen).open();
    tunnel.client.delivery_is(Delivery { acked: 1000, outstanding: false, since_ack: millis(5) });
    tunnel
}

#[tokio::test(start_paused = true)]
async fn who_has_never_sent_a_pong_is_not_cut_while_its_kernel_answers() {
    let mut tunnel = silent();
    tunnel.upstream.says(ping("unanswered too"));
    tunnel.wait(seconds(3600)).await;
    assert!(tunnel.is_open());
    let pings = tunnel.client.reads().len();
    assert!((100..=104).contains(&pings), "{pings} pings: each time it is asked again, by us");
    tunnel.client.delivery_is(Delivery { acked: 1000, outstanding: true, since_ack: seconds(3) });
    tunnel.wait(seconds(46)).await;
    assert_eq!(tunnel.upstream.reads(), [close(1001, "no answer to ping")], "its kernel is gone");
}

#[tokio::test(start_paused = true)]
async fn who_has_sent_a_pong_once_owes_the_next() {
    for answer_ours in [true, false] {
        let mut tunnel = silent();
        tunnel.wait(seconds(26)).await;
        let mark = our_ping(&mut tunnel, Side::Client);
        tunnel.client.says(if answer_ours { pong(&mark) } else { pong(b"unasked") });
        tunnel.wait(seconds(36)).await;
        tunnel.wait(seconds(20)).await;
        assert_eq!(tunnel.outcome().ending, Ending::NoPong(Side::Client));
    }
}

#[tokio::test(start_paused = true)]
async fn where_pongs_are_required_a_kernel_that_answers_excuses_nobody() {
    for side in [Side::Client, Side::Upstream] {
        let mut tunnel = pinging(side).open();
        tunnel.peer(side).delivery_is(Delivery { acked: 1000, outstanding: false, since_ack: seconds(60) });
        tunnel.wait(seconds(36)).await;
        tunnel.wait(seconds(20)).await;
        assert_eq!(tunnel.outcome().ending, Ending::NoPong(side));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pulled_cable_is_noticed_in_time() {
    let mut tunnel = pinging(Side::Client).open();
    tunnel.client.delivery_is(Delivery { acked: 1000, outstanding: false, since_ack: seconds(3) });
    tunnel.wait(seconds(25)).await;
    tunnel.client.delivery_is(Delivery { acked: 1000, outstanding: true, since_ack: seconds(3) });
    tunnel.wait(millis(10_100)).await;
    assert_eq!(tunnel.upstream.reads(), [close(1001, "no answer to ping")]);
}

#[tokio::test(start_paused = true)]
async fn our_own_pings_do_not_keep_a_tunnel_from_being_idle() {
    let mut tunnel = pinging(Side::Client)
        .with(|settings| (settings.idle_timeout, settings.idle_counts) = (Some(seconds(60)), IdleCounts::Frames))
        .open();
    for _ in 0..2 {
        tunnel.wait(seconds(26)).await;
        let mark = our_ping(&mut tunnel, Side::Client);
        tunnel.client.says(pong(&mark));
    }
    tunnel.wait(seconds(10)).await;
    assert_eq!(tunnel.client.reads(), [close(1001, "idle timeout")]);
}

#[tokio::test(start_paused = true)]
async fn after_a_jump_of_the_clock_what_waits_is_heard_first() {
    let mut tunnel = pinging(Side::Client).with(|settings| settings.idle_timeout = Some(seconds(60))).open();
    tunnel.wait(seconds(26)).await;
    let mark = our_ping(&mut tunnel, Side::Client);
    tunnel.client.says(pong(&mark));
    tunnel.upstream.says(text("meanwhile"));
    tunnel.jump(seconds(3600)).await;
    assert!(tunnel.is_open());
    assert_eq!(tunnel.client.reads(), [text("meanwhile")]);
    tunnel.jump(seconds(3600)).await;
    assert_eq!(tunnel.client.reads(), [close(1001, "idle timeout")], "and silence is still silence");
}

#[tokio::test(start_paused = true)]
async fn our_ping_stands_between_two_frames_and_stops_nothing() {
    let mut tunnel = pinging(Side::Client).open();
    let frames: Vec<u8> = (0..5).flat_map(|_| binary(100_000).encode(Side::Upstream)).collect();
    let (front, back) = frames.split_at(5_000);
    tunnel.upstream.sends(front);
    tunnel.wait(seconds(26)).await;
    assert_eq!(tunnel.client.reads(), []);
    tunnel.upstream.sends(back);
    tunnel.settle();
    let frames = tunnel.client.reads();
    assert_eq!(frames.len(), 6);
    assert!(frames[1].is_ping(), "{frames:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_nobody_needs_any_more_is_not_sent() {
    let mut tunnel = pinging(Side::Client).open();
    let frame = binary(1000).encode(Side::Upstream);
    let (front, back) = frame.split_at(500);
    tunnel.upstream.sends(front);
    tunnel.wait(seconds(26)).await;
    tunnel.client.says(text("I am here"));
    tunnel.settle();
    tunnel.upstream.sends(back);
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [binary(1000)]);
}

#[tokio::test(start_paused = true)]
async fn the_next_ping_is_due_from_the_answer_on() {
    let mut tunnel = Scene::new()
        .with(|settings| (settings.ping_every.client, settings.pong_within) = (Some(seconds(5)), seconds(60)))
        .open();
    tunnel.wait(millis(5_100)).await;
    let mark = our_ping(&mut tunnel, Side::Client);
    tunnel.client.says(pong(&mark));
    tunnel.wait(millis(5_100)).await;
    our_ping(&mut tunnel, Side::Client);
}
