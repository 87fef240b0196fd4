//! Limits and rates, and what becomes of who is above them.

use super::frames::*;
use super::scene::{Scene, millis, seconds};
use crate::config::{Excess, LimitSettings, Rate};
use crate::tunnel::{Ending, SideOutcome};
use crate::websocket::{Side, Violation};

const CLIENT: Side = Side::Client;

/// What the client is told after it sent `frames`, and what the endpoint had of them.
fn closed_with(limit: impl FnOnce(&mut LimitSettings), frames: &[Frame]) -> (Vec<Frame>, Vec<Frame>) {
    let mut tunnel = Scene::new().limit(CLIENT, limit).open();
    for frame in frames {
        tunnel.client.says(frame.clone());
    }
    tunnel.settle();
    (tunnel.client.reads(), tunnel.upstream.reads())
}

fn gone() -> Frame {
    close(1001, "the client was disconnected")
}

#[tokio::test(start_paused = true)]
async fn a_frame_above_max_frame_is_refused() {
    let (client, upstream) = closed_with(|limits| limits.max_frame = Some(5), &[text("12345"), text("123456")]);
    assert_eq!(client, [close(1009, "a frame is larger than 5 bytes")]);
    assert_eq!(upstream, [text("12345"), gone()]);
}

#[tokio::test(start_paused = true)]
async fn a_message_above_max_message_is_refused_at_the_frame_that_makes_it_so() {
    let frames = [begin("123"), ping("between"), carry_on("45"), finish("6")];
    let (client, upstream) = closed_with(|limits| limits.max_message = Some(5), &frames);
    assert_eq!(client, [close(1009, "a message is larger than 5 bytes")]);
    assert_eq!(upstream, [begin("123"), ping("between"), carry_on("45"), gone()]);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_too_many_frames_is_refused() {
    let frames = [begin("1"), carry_on("2"), carry_on("3"), finish("4")];
    let (client, upstream) = closed_with(|limits| limits.max_fragments = Some(3), &frames);
    assert_eq!(client, [close(1009, "a message has more than 3 frames")]);
    assert_eq!(upstream.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_a_second_are_closed() {
    let mut tunnel = Scene::new()
        .limit(CLIENT, |limits| limits.messages_per_second = Some(Rate { per_second: 10, burst: 3 }))
        .open();
    for _ in 0..20 {
        tunnel.client.says(text("one"));
        tunnel.wait(millis(100)).await;
    }
    assert_eq!(tunnel.upstream.reads().len(), 20);
    for _ in 0..5 {
        tunnel.client.says(text("many"));
    }
    tunnel.client.says(close(1000, ""));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [close(1008, "more than 10 messages a second")]);
    let upstream = tunnel.upstream.reads();
    assert!((3..=4).contains(&upstream.len()) && upstream.last() == Some(&gone()), "{upstream:?}");
    assert!(tunnel.client.has_fin(), "its Close behind the messages that were refused is found");
}

#[tokio::test(start_paused = true)]
async fn too_many_messages_a_second_wait() {
    let mut tunnel = Scene::new()
        .limit(CLIENT, |limits| {
            limits.messages_per_second = Some(Rate { per_second: 10, burst: 1 });
            limits.excess = Excess::Throttle;
        })
        .open();
    tunnel.client.moves_at_most(text("x").encode(CLIENT).len());
    for _ in 0..50 {
        tunnel.client.says(text("x"));
    }
    tunnel.wait(seconds(1)).await;
    let first = tunnel.upstream.reads().len();
    assert!((9..=13).contains(&first), "{first} in the first second");
    tunnel.wait(seconds(4)).await;
    assert_eq!(first + tunnel.upstream.reads().len(), 50, "each in its time, none lost");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_control_frames_is_closed_and_a_close_never_counts() {
    let limit = |limits: &mut LimitSettings| limits.control_frames_per_second = Some(Rate { per_second: 1, burst: 2 });
    let (client, upstream) = closed_with(limit, &[ping("1"), ping("2"), ping("3"), text("never")]);
    assert_eq!(client, [close(1008, "more than 1 control frames a second")]);
    assert_eq!(upstream, [ping("1"), ping("2"), gone()]);
    let (_, upstream) = closed_with(limit, &[ping("1"), ping("2"), close(1000, "")]);
    assert_eq!(upstream, [ping("1"), ping("2"), close(1000, "")]);
}

#[tokio::test(start_paused = true)]
async fn too_many_bytes_a_second_are_closed_be_it_inside_a_frame() {
    let mut tunnel = Scene::new()
        .limit(CLIENT, |limits| limits.bytes_per_second = Some(Rate { per_second: 1000, burst: 1000 }))
        .open();
    tunnel.client.sends(&binary(5000).encode(CLIENT)[..2000]);
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [close(1008, "more than 1000 bytes a second")]);
    assert_eq!(tunnel.upstream.reads_bytes().len(), 1000, "what is above the rate is not delivered");
    assert!(tunnel.upstream.has_fin(), "no Close can follow inside a frame");
    tunnel.upstream.finishes();
    tunnel.wait(seconds(6)).await;
    let outcome = tunnel.outcome();
    assert_eq!(outcome.ending, Ending::Violated { by: CLIENT, violation: Violation::TooManyBytes(1000) });
    assert_eq!(outcome.sides.upstream, SideOutcome::InsideFrame);
    assert_eq!(outcome.sides.client, SideOutcome::Unanswered);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_direction_keeps_to_its_rate() {
    for scene in [Scene::new(), Scene::raw()] {
        let mut tunnel = scene
            .limit(Side::Upstream, |limits| {
                limits.bytes_per_second = Some(Rate { per_second: 10_000, burst: 1_000 });
                limits.excess = Excess::Throttle;
            })
            .open();
        tunnel.upstream.moves_at_most(500);
        tunnel.upstream.says(binary(200_000));
        tunnel.wait(seconds(10)).await;
        let taken = tunnel.client.takes(usize::MAX);
        assert!((95_000..=110_000).contains(&taken), "{taken} bytes in 10 s");
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_told_is_not_throttled_any_more() {
    let mut tunnel = Scene::new()
        .limit(Side::Upstream, |limits| {
            limits.bytes_per_second =
                Some(Rate { per_second: 1, burst: binary(1000).encode(Side::Upstream).len() as u64 });
            limits.excess = Excess::Throttle;
        })
        .open();
    tunnel.upstream.says(binary(1000));
    tunnel.settle();
    tunnel.upstream.says(close(1000, ""));
    tunnel.upstream.finishes();
    tunnel.drain(seconds(600));
    tunnel.client.says(close(1012, ""));
    tunnel.client.finishes();
    tunnel.settle();
    assert!(!tunnel.is_open(), "an answer is not put off by a rate");
}
