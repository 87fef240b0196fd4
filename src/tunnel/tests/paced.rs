//! RateLimits hold to the message, the control frame and the byte, whatever stands in one read.

use fastrand::Rng;
use tokio::time::Instant;

use super::frames::*;
use super::scene::{Open, Scene, millis, seconds};
use crate::config::{Excess, LimitSettings, Rate};
use crate::tunnel::scratch::{HEAD, READ};
use crate::websocket::Side;

const CLIENT: Side = Side::Client;
/// The burst of bytes is never less: headers and control frames pass whole.
const WHOLE: u64 = 14 + 14 + 125;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Count {
    Messages,
    ControlFrames,
    Bytes,
    RawBytes,
}

impl Count {
    fn set(self, limits: &mut LimitSettings, rate: Rate) {
        match self {
            Self::Messages => limits.messages_per_second = Some(rate),
            Self::ControlFrames => limits.control_frames_per_second = Some(rate),
            Self::Bytes | Self::RawBytes => limits.bytes_per_second = Some(rate),
        }
    }

    fn scene(self) -> Scene {
        if self == Self::RawBytes { Scene::raw() } else { Scene::new() }
    }

    /// How many of them came to the endpoint since the last time, of those that the client sent.
    fn arrived(self, tunnel: &mut Open) -> u64 {
        if matches!(self, Self::Bytes | Self::RawBytes) {
            return tunnel.upstream.reads_bytes().len() as u64;
        }
        let frames = tunnel.upstream.reads();
        let is_counted =
            |frame: &&Frame| frame.close_code().is_none() && (frame.first >= 0x88) == (self == Self::ControlFrames);
        frames.iter().filter(is_counted).count() as u64
    }
}

/// Holds what passes to a rate: at any time no more than the burst and what the rate brought.
struct Account {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl Account {
    fn of(rate: Rate) -> Self {
        Self { rate, tokens: rate.burst as f64, at: Instant::now() }
    }

    #[track_caller]
    fn charge(&mut self, count: u64) {
        let gained = self.at.elapsed().as_secs_f64() * self.rate.per_second as f64;
        self.tokens = (self.tokens + gained).min(self.rate.burst as f64) - count as f64;
        self.at = Instant::now();
        assert!(self.tokens > -1e-6, "{count} more than {:?} allows: {}", self.rate, self.tokens);
    }
}

/// A stream of frames of this kind, and how many are counted.
fn stream(rng: &mut Rng, count: Count) -> (Vec<u8>, u64) {
    let (mut bytes, mut counted) = (vec![], 0);
    for _ in 0..rng.usize(1..400) {
        let frame = match (count, rng.u8(0..4)) {
            (Count::ControlFrames, 0..3) => ping(&"?".repeat(rng.usize(0..126))),
            (Count::Bytes, 0) => ping(&"?".repeat(rng.usize(0..126))),
            (Count::Bytes | Count::RawBytes, 1) => binary(rng.usize(0..3_000)),
            (Count::Messages, 0) => pong(b"between"),
            _ => binary(rng.usize(0..20)),
        };
        let is_control = frame.first >= 0x88;
        let frame = frame.encode(CLIENT);
        counted += match count {
            Count::Messages => u64::from(!is_control),
            Count::ControlFrames => u64::from(is_control),
            Count::Bytes | Count::RawBytes => frame.len() as u64,
        };
        bytes.extend(frame);
    }
    (bytes, counted)
}

#[tokio::test(start_paused = true)]
async fn no_more_passes_in_any_time_than_the_burst_and_the_rate_however_it_is_cut() {
    for seed in 0..60 {
        for count in [Count::Messages, Count::ControlFrames, Count::Bytes, Count::RawBytes] {
            for excess in [Excess::Close, Excess::Throttle] {
                println!("seed {seed}: {count:?}, {excess:?}");
                keeps_to_its_rate(&mut Rng::with_seed(seed), count, excess).await;
            }
        }
    }
}

async fn keeps_to_its_rate(rng: &mut Rng, count: Count, excess: Excess) {
    let in_bytes = matches!(count, Count::Bytes | Count::RawBytes);
    let scale = if in_bytes { 200 } else { 1 };
    let mut rate = Rate { per_second: scale * rng.u64(5..200), burst: scale * rng.u64(1..50) };
    let limit = |limits: &mut LimitSettings| {
        count.set(limits, rate);
        limits.excess = excess;
    };
    let mut tunnel = count.scene().limit(CLIENT, limit).open();
    if in_bytes {
        rate.burst = rate.burst.max(WHOLE);
    }
    let (bytes, all) = stream(rng, count);
    let (mut account, mut left, mut arrived) = (Account::of(rate), bytes.as_slice(), 0);
    while !left.is_empty() {
        let most = if rng.bool() { left.len() } else { rng.usize(1..2_000).min(left.len()) };
        let (piece, rest) = left.split_at(most);
        (left, _) = (rest, tunnel.client.sends(piece));
        tunnel.settle();
        arrived += charge(&mut account, count, &mut tunnel);
        tunnel.jump(millis(rng.u64(0..100))).await;
        arrived += charge(&mut account, count, &mut tunnel);
        assert!(tunnel.buffered().from_client <= READ + HEAD, "what is held back is bounded");
    }
    // What is left comes at its rate; nothing of it is lost, and nobody waits longer than he must.
    let most = seconds(all / rate.per_second + WHOLE / rate.per_second + 2);
    let since = Instant::now();
    let until_half_full = millis((500 * rate.burst / rate.per_second).clamp(1, 50));
    while since.elapsed() < most {
        tunnel.jump(until_half_full).await;
        arrived += charge(&mut account, count, &mut tunnel);
    }
    match excess {
        Excess::Throttle => assert_eq!(arrived, all, "{rate:?}"),
        Excess::Close => assert!(arrived <= all),
    }
}

/// A Close of ours to the endpoint is none of the client's bytes.
fn charge(account: &mut Account, count: Count, tunnel: &mut Open) -> u64 {
    const CLOSE: u64 = 6 + 2 + "the client was disconnected".len() as u64;
    let is_told = tunnel.client.waiting() > 0;
    let mut arrived = count.arrived(tunnel);
    if count == Count::Bytes && is_told {
        arrived = arrived.saturating_sub(CLOSE);
        tunnel.client.reads();
    }
    account.charge(arrived);
    arrived
}

#[tokio::test(start_paused = true)]
async fn of_a_read_full_of_small_messages_only_the_burst_passes_at_once() {
    let mut tunnel = Scene::new()
        .limit(CLIENT, |limits| {
            limits.messages_per_second = Some(Rate { per_second: 10, burst: 20 });
            limits.excess = Excess::Throttle;
        })
        .open();
    tunnel.client.sends(&text("x").encode(CLIENT).repeat(9_362));
    tunnel.settle();
    assert_eq!(tunnel.upstream.reads().len(), 20);
    for _ in 0..10 {
        tunnel.wait(seconds(1)).await;
        assert_eq!(tunnel.upstream.reads().len(), 10);
    }
    tunnel.client.finishes();
    tunnel.drain(seconds(60));
    assert_eq!(
        tunnel.client.reads(),
        [close(1012, "service restart")],
        "between two messages there is room for a Close"
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_of_bytes_nothing_is_delivered_that_is_above_it() {
    for scene in [Scene::new(), Scene::raw()] {
        let mut tunnel = scene
            .limit(CLIENT, |limits| limits.bytes_per_second = Some(Rate { per_second: 1_000, burst: 20 * 1024 }))
            .open();
        tunnel.client.says(binary(50_000));
        tunnel.settle();
        assert_eq!(tunnel.upstream.reads_bytes().len(), 20 * 1024);
    }
}
