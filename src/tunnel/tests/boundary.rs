//! A Close of ours stands between two frames, or nowhere.

use super::frames::*;
use super::scene::{Scene, seconds};
use crate::tunnel::SideOutcome;
use crate::websocket::Side;

#[tokio::test(start_paused = true)]
async fn our_close_stands_between_the_frames_of_a_message() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.says(begin("one"));
    tunnel.settle();
    tunnel.drain(seconds(60));
    tunnel.upstream.says(finish("never"));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [begin("one"), close(1012, "service restart")]);
}

#[tokio::test(start_paused = true)]
async fn our_close_waits_for_the_end_of_the_frame_and_not_one_frame_longer() {
    let frame = binary(200_000).encode(Side::Upstream);
    let mut tunnel = Scene::new().open();
    let (front, back) = frame.split_at(1000);
    tunnel.upstream.sends(front);
    tunnel.settle();
    tunnel.drain(seconds(60));
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), []);
    let rest = [back, &frame, &frame].concat();
    tunnel.upstream.sends(&rest);
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [binary(200_000), close(1012, "service restart")]);
    assert_eq!(tunnel.upstream.unread(), 0, "the frames behind it are read and discarded");
}

#[tokio::test(start_paused = true)]
async fn no_close_follows_inside_a_frame() {
    // The source ends.
    let mut tunnel = Scene::new().open();
    tunnel.client.sends(&binary(1000).encode(Side::Client)[..500]);
    tunnel.client.finishes();
    tunnel.settle();
    assert!(tunnel.upstream.reads_bytes().len() == 500 && tunnel.upstream.has_fin());
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().sides.upstream, SideOutcome::InsideFrame);

    let mut tunnel = Scene::new().open();
    tunnel.upstream.sends(&binary(1000).encode(Side::Upstream)[..500]);
    tunnel.settle();
    tunnel.upstream.resets();
    tunnel.settle();
    assert!(tunnel.client.reads_bytes().len() == 500 && tunnel.client.has_fin());
    tunnel.client.finishes();
    assert_eq!(tunnel.outcome().sides.client, SideOutcome::InsideFrame);

    // The deadline comes.
    let mut tunnel = Scene::new().open();
    tunnel.upstream.sends(&binary(1000).encode(Side::Upstream)[..500]);
    tunnel.settle();
    tunnel.drain(seconds(10));
    tunnel.wait(seconds(10)).await;
    assert!(tunnel.client.reads_bytes().len() == 500 && tunnel.client.has_fin());
    assert_eq!(tunnel.outcome().sides.client, SideOutcome::InsideFrame);
}

#[tokio::test(start_paused = true)]
async fn a_held_header_never_comes_before_our_close() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.says(text("whole"));
    tunnel.upstream.sends(&header(Side::Upstream, 0x82, 70_000)[..5]);
    tunnel.settle();
    tunnel.drain(seconds(60));
    assert_eq!(tunnel.client.reads(), [text("whole"), close(1012, "service restart")]);
}
