//! Each timer, and what holds it back.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::coop::poll_proceed;

use super::frames::*;
use super::scene::{Scene, seconds};
use crate::config::{Excess, IdleCounts, Rate};
use crate::process::Delivery;
use crate::tunnel::{Ending, Loss};
use crate::websocket::Side;

#[tokio::test(start_paused = true)]
async fn a_slow_side_is_not_stalled_while_its_kernel_takes_bytes() {
    let mut tunnel = Scene::new().with(|settings| settings.stall_timeout = Some(seconds(60))).open();
    tunnel.client.has_room_for(10);
    tunnel.upstream.says(binary(1000));
    for acked in 0..20 {
        tunnel.client.delivery_is(Delivery { acked, outstanding: true, since_ack: Duration::ZERO });
        tunnel.wait(seconds(30)).await;
    }
    assert!(tunnel.is_open());
    tunnel.wait(seconds(121)).await;
    assert_eq!(tunnel.upstream.reads(), [close(1001, "the other side stalled")]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_side_is_not_stalled_while_it_takes_anything() {
    let mut tunnel = Scene::new().with(|settings| settings.stall_timeout = Some(seconds(60))).open();
    tunnel.client.has_room_for(1);
    tunnel.upstream.says(binary(10));
    for _ in 0..12 {
        tunnel.wait(seconds(59)).await;
        tunnel.client.takes(1);
    }
    tunnel.settle();
    assert_eq!(tunnel.client.reads(), [binary(10)]);
    tunnel.wait(seconds(1000)).await;
    assert!(tunnel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_is_spread_by_a_tenth() {
    let mut lifetimes = vec![];
    for _ in 0..40 {
        let mut tunnel = Scene::new().with(|settings| settings.max_lifetime = Some(seconds(100))).open();
        let start = tokio::time::Instant::now();
        tunnel.wait_for_words(seconds(120)).await;
        lifetimes.push(start.elapsed().as_secs());
    }
    assert!(lifetimes.iter().all(|lifetime| (90..=110).contains(lifetime)), "{lifetimes:?}");
    assert!(lifetimes.iter().any(|lifetime| *lifetime < 98) && lifetimes.iter().any(|lifetime| *lifetime > 102));
}

#[tokio::test(start_paused = true)]
async fn idle_counts_messages_or_every_frame_of_the_two_ends() {
    for (counts, open) in [(IdleCounts::Messages, false), (IdleCounts::Frames, true)] {
        let mut tunnel = Scene::new()
            .with(|settings| (settings.idle_timeout, settings.idle_counts) = (Some(seconds(60)), counts))
            .open();
        for _ in 0..5 {
            tunnel.upstream.says(ping("?"));
            tunnel.client.says(pong(b"?"));
            tunnel.wait(seconds(20)).await;
        }
        assert_eq!(tunnel.is_open(), open, "{counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn part_of_a_message_keeps_a_tunnel_from_being_idle() {
    let mut tunnel = Scene::new().with(|settings| settings.idle_timeout = Some(seconds(60))).open();
    let message = binary(100).encode(Side::Client);
    let (header, payload) = message.split_at(6);
    tunnel.client.sends(header);
    for byte in payload {
        tunnel.wait(seconds(59)).await;
        tunnel.client.sends(&[*byte]);
    }
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [binary(100)]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_side_that_was_throttled_leaves_no_timer_behind() {
    let mut tunnel = Scene::new()
        .with(|settings| settings.stall_timeout = Some(seconds(10)))
        .limit(Side::Client, |limits| {
            limits.bytes_per_second = Some(Rate { per_second: 1, burst: 1 });
            limits.excess = Excess::Throttle;
        })
        .open();
    tunnel.client.has_room_for(1);
    tunnel.client.says(text("twelve bytes"));
    tunnel.upstream.says(binary(1000));
    tunnel.wait(seconds(60)).await;
    assert_eq!(tunnel.outcome().ending, Ending::Stalled(Side::Client));
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_without_timers_lives_on() {
    let mut tunnel = Scene::new().open();
    tunnel.jump(seconds(3 * 365 * 24 * 3600)).await;
    tunnel.client.says(text("hello"));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads(), [text("hello")]);
    tunnel.client.resets();
    tunnel.settle();
    tunnel.upstream.finishes();
    assert_eq!(tunnel.outcome().ending, Ending::Lost { side: Side::Client, loss: Loss::Broken });
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_out_of_budget_still_sets_its_timer() {
    let mut tunnel = Scene::new().with(|settings| settings.max_lifetime = Some(seconds(10))).open_unpolled();
    // Whatever else the task does in the same poll may have used up what tokio grants it.
    while let Poll::Ready(unit) = poll_proceed(&mut Context::from_waker(Waker::noop())) {
        unit.made_progress();
    }
    tunnel.step_within_budget();
    tokio::task::yield_now().await;
    tunnel.wait(seconds(20)).await;
    assert!(!tunnel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_fin_inside_a_frame_has_the_closing_timeout_and_not_the_drains() {
    let mut tunnel = Scene::new().open();
    tunnel.upstream.sends(&binary(1000).encode(Side::Upstream)[..500]);
    tunnel.settle();
    tunnel.drain(seconds(600));
    tunnel.upstream.finishes();
    tunnel.client.finishes();
    tunnel.wait(seconds(6)).await;
    assert!(!tunnel.is_open());
}
