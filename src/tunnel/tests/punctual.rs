//! Every timer of a tunnel acts when its time is over, and at most a tenth of it or a second later, whatever a kernel took
//! before that.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::*;
use super::scene::{Open, Scene, millis, seconds};
use crate::process::Delivery;
use crate::websocket::Side;

const TIMES: [u64; 3] = [1, 4, 60];

/// Plays `play` with each of the times, which says since when it counts, and waits until `has_acted`.
async fn acts_in_time(
    name: &str,
    scene: impl Fn(Duration) -> Scene,
    play: impl AsyncFn(&mut Open, Duration) -> Instant,
    has_acted: impl Fn(&Open) -> bool,
) {
    for time in TIMES.map(seconds) {
        let mut tunnel = scene(time).open();
        let since = play(&mut tunnel, time).await;
        assert!(!has_acted(&tunnel), "{name} of {time:?} acts before it runs");
        while !has_acted(&tunnel) {
            tunnel.wait(millis(50)).await;
            assert!(since.elapsed() < 3 * time + seconds(2), "{name} of {time:?} does not act");
        }
        let took = since.elapsed();
        let latest = time + seconds(1).max(time / 10);
        assert!((time..=latest).contains(&took), "{name} of {time:?} acts after {took:?}");
    }
}

fn under_way(acked: u64) -> Delivery {
    Delivery { acked, outstanding: true, since_ack: Duration::ZERO }
}

/// The kernel of `side` takes something now, again each time that half of `time` has passed, and for the last time after so
/// many hundredths of it. Probes of its window are answered all the while.
async fn takes(tunnel: &mut Open, side: Side, time: Duration, hundredths: u32) -> Instant {
    let last = Instant::now() + time * hundredths / 100;
    let mut acked = 2000;
    loop {
        tunnel.peer(side).delivery_is(under_way(acked));
        let left = last.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return last;
        }
        tunnel.wait(left.min(time / 2)).await;
        acked += 1;
    }
}

fn told_client(tunnel: &Open) -> bool {
    tunnel.client.waiting() > 0
}

fn over(tunnel: &Open) -> bool {
    !tunnel.is_open()
}

/// After so many hundredths of its time a kernel takes something for the last time.
const PARTS: [u32; 6] = [0, 1, 5, 50, 95, 350];

#[tokio::test(start_paused = true)]
async fn idle_timeout_is_punctual() {
    let scene = |time| Scene::new().with(|settings| settings.idle_timeout = Some(time));
    let talk = async |tunnel: &mut Open, time: Duration| {
        tunnel.wait(time * 9 / 10).await;
        tunnel.client.says(text("here"));
        tunnel.settle();
        Instant::now()
    };
    acts_in_time("idle_timeout", scene, talk, told_client).await;
}

#[tokio::test(start_paused = true)]
async fn ping_every_is_punctual() {
    for side in [Side::Client, Side::Upstream] {
        let scene = |time| Scene::new().with(|settings| settings.ping_every[side] = Some(time));
        let talk = async |tunnel: &mut Open, time: Duration| {
            tunnel.wait(time * 9 / 10).await;
            tunnel.peer(side).says(text("here"));
            tunnel.settle();
            tunnel.peer(side.other()).reads();
            Instant::now()
        };
        let pinged = |tunnel: &Open| tunnel.client.waiting() + tunnel.upstream.waiting() > 0;
        acts_in_time("ping_every", scene, talk, pinged).await;
    }
}

#[tokio::test(start_paused = true)]
async fn pong_within_is_punctual_whatever_a_kernel_took() {
    for part in PARTS {
        let scene = |time| {
            Scene::new().with(|settings| {
                (settings.ping_every.client, settings.pong_within) = (Some(seconds(25)), time);
            })
        };
        let ask = async |tunnel: &mut Open, time: Duration| {
            tunnel.client.delivery_is(under_way(1000));
            tunnel.wait(seconds(25)).await;
            assert_eq!(tunnel.client.reads().len(), 1, "it is asked");
            takes(tunnel, Side::Client, time, part).await
        };
        acts_in_time("pong_within", scene, ask, told_client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stall_timeout_is_punctual_whatever_a_kernel_took() {
    for part in PARTS {
        let scene = |time| Scene::new().with(|settings| settings.stall_timeout = Some(time));
        let block = async |tunnel: &mut Open, time: Duration| {
            tunnel.client.delivery_is(under_way(1000));
            tunnel.client.has_room_for(10);
            tunnel.upstream.says(binary(1000));
            tunnel.settle();
            takes(tunnel, Side::Client, time, part).await
        };
        acts_in_time("stall_timeout", scene, block, |tunnel| tunnel.upstream.waiting() > 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn max_lifetime_is_punctual_but_for_its_tenth() {
    let scene = |time: Duration| Scene::new().with(|settings| settings.max_lifetime = Some(time));
    for time in TIMES.map(seconds) {
        let (mut tunnel, since) = (scene(time).open(), Instant::now());
        tunnel.wait_for_words(2 * time).await;
        let took = since.elapsed();
        assert!((time - time / 10..=time + time / 10 + millis(50)).contains(&took), "{took:?} of {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_timeout_is_punctual_whatever_a_kernel_took() {
    for part in PARTS {
        let scene = |time| {
            Scene::new().with(|settings| {
                (settings.idle_timeout, settings.closing_timeout) = (Some(seconds(10)), time);
            })
        };
        let close = async |tunnel: &mut Open, time: Duration| {
            tunnel.client.delivery_is(under_way(1000));
            tunnel.wait(seconds(10)).await;
            assert_eq!(tunnel.client.reads(), [close(1001, "idle timeout")]);
            takes(tunnel, Side::Client, time, part).await
        };
        acts_in_time("closing_timeout", scene, close, over).await;
    }
}

#[tokio::test(start_paused = true)]
async fn closing_timeout_is_punctual_where_neither_side_answers() {
    let drain = async |tunnel: &mut Open, time: Duration| {
        tunnel.drain(10 * time);
        Instant::now()
    };
    acts_in_time("closing_timeout", |time| Scene::new().with(|it| it.closing_timeout = time), drain, over).await;
}

#[tokio::test(start_paused = true)]
async fn half_close_timeout_is_punctual() {
    let scene = |time| Scene::new().with(|settings| settings.half_close_timeout = Some(time));
    let finish = async |tunnel: &mut Open, _: Duration| {
        tunnel.client.finishes();
        tunnel.settle();
        Instant::now()
    };
    acts_in_time("half_close_timeout", scene, finish, |tunnel| tunnel.client.has_fin()).await;
}

#[tokio::test(start_paused = true)]
async fn the_quiet_half_of_a_raw_tunnel_ends_punctually_after_its_last_byte_was_taken() {
    for part in PARTS {
        let scene = |time| {
            Scene::raw().with(|settings| {
                (settings.half_close_timeout, settings.stall_timeout) = (Some(time), Some(seconds(36_000)));
            })
        };
        let finish = async |tunnel: &mut Open, time: Duration| {
            tunnel.client.has_room_for(10);
            tunnel.client.finishes();
            tunnel.upstream.sends(&[1; 100]);
            tunnel.settle();
            tunnel.wait(time * part / 100).await;
            tunnel.client.has_room_for(usize::MAX);
            let taken = Instant::now();
            tunnel.settle();
            // What was looked at last before that may lie a sixteenth back.
            taken - time / 16
        };
        acts_in_time("half_close_timeout", scene, finish, over).await;
    }
}

#[tokio::test(start_paused = true)]
async fn last_words_are_waited_for_punctually_also_behind_a_slow_reader() {
    for part in PARTS {
        let scene =
            |time| Scene::new().with(|settings| (settings.closing_timeout, settings.stall_timeout) = (time, None));
        let die = async |tunnel: &mut Open, time: Duration| {
            tunnel.client.delivery_is(under_way(1000));
            tunnel.client.has_room_for(10);
            tunnel.upstream.says(binary(1000));
            tunnel.settle();
            tunnel.upstream.stops_taking();
            tunnel.client.says(text("into the void"));
            tunnel.settle();
            takes(tunnel, Side::Client, time, part).await
        };
        // The client can take neither what waits for it nor a Close: both have `closing_timeout` more.
        let since_the_end = |time: Duration| scene(time / 2);
        acts_in_time("closing_timeout", since_the_end, die, over).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_drain_is_punctual_whatever_a_kernel_takes() {
    let drain = async |tunnel: &mut Open, time: Duration| {
        let start = Instant::now();
        tunnel.drain(time);
        takes(tunnel, Side::Client, time, 90).await;
        start
    };
    acts_in_time("deadline", |time| Scene::new().with(|settings| settings.closing_timeout = time), drain, over).await;
}
