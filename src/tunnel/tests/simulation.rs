//! Tunnels with peers that do anything at any time, from seeds: whatever happens, what comes out is what went in plus
//! whole control frames of ours, the buffers stay bounded, and the tunnel ends.
//!
//! `WINDLASS_SIMULATIONS=100000` runs more of them, `WINDLASS_SEED=7` the one that failed.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::frames::*;
use super::scene::{Open, Scene, millis, seconds};
use crate::config::{Excess, IdleCounts, LimitSettings, Rate};
use crate::tunnel::scratch::{HEAD, READ};
use crate::tunnel::{Farewell, Outcome};
use crate::websocket::Side;

const SIDES: [Side; 2] = [Side::Client, Side::Upstream];
/// What one direction may buffer: a read, the start of a header, and a few control frames of ours.
const BOUND: usize = READ + HEAD + 512;

#[tokio::test(start_paused = true)]
async fn whatever_peers_do_is_survived() {
    for seed in seeds(1000) {
        let _said = SayOnPanic(seed);
        Simulation::new(seed, Manners::Wild).run_wild().await;
    }
}

#[tokio::test(start_paused = true)]
async fn everything_arrives_between_polite_peers() {
    for seed in seeds(500) {
        let _said = SayOnPanic(seed);
        Simulation::new(seed, Manners::Polite).run_politely().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "how long to test is up to who tests")]
fn seeds(default: u64) -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    match number("WINDLASS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WINDLASS_SIMULATIONS").unwrap_or(default),
    }
}

struct SayOnPanic(u64);

impl Drop for SayOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("it was WINDLASS_SEED={}", self.0);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manners {
    Wild,
    Polite,
}

struct Simulation {
    rng: Rng,
    raw: bool,
    tunnel: Open,
    ways: [Way; 2],
}

/// One direction, as its two ends know it.
struct Way {
    from: Side,
    /// Everything the source sent, and how much of it is accounted for.
    sent: Vec<u8>,
    sent_at: usize,
    /// How much of what the sink took is accounted for.
    got_at: usize,
    /// The payload of our pings to the source: the pongs that are swallowed on this way.
    mark: Option<Vec<u8>>,
    /// A Close went to the sink: nothing may follow.
    closed: bool,
    /// The source has ended its way.
    finished: bool,
    /// The sink's connection broke: what it got may be cut anywhere.
    broken: bool,
    /// What of a frame the source has not sent yet.
    unsent: Vec<u8>,
}

impl Simulation {
    fn new(seed: u64, manners: Manners) -> Self {
        let mut rng = Rng::with_seed(seed);
        // What the tunnel itself leaves to chance.
        fastrand::seed(seed);
        let raw = rng.u8(..8) == 0;
        let mut scene = if raw { Scene::raw() } else { Scene::new() };
        let some = |rng: &mut Rng, range: Range<u64>| rng.bool().then(|| millis(rng.u64(range)));
        scene = scene.with(|settings| {
            for side in SIDES {
                *settings.ping_every.get_mut(side) = some(&mut rng, 100..5_000);
            }
            settings.closing_timeout = millis(rng.u64(100..5_000));
            settings.half_close_timeout = millis(rng.u64(100..5_000));
            settings.pong_within = seconds(3600);
            if manners == Manners::Wild {
                settings.pong_within = millis(rng.u64(100..5_000));
                settings.idle_timeout = some(&mut rng, 100..10_000);
                settings.idle_counts = if rng.bool() { IdleCounts::Messages } else { IdleCounts::Frames };
                settings.stall_timeout = some(&mut rng, 100..10_000);
                settings.max_lifetime = some(&mut rng, 1_000..30_000);
            }
        });
        for side in SIDES {
            scene = scene.limit(side, |limits| random_limits(&mut rng, limits, manners));
        }
        let way = |from| Way {
            from,
            sent: vec![],
            sent_at: 0,
            got_at: 0,
            mark: None,
            closed: false,
            finished: false,
            broken: false,
            unsent: vec![],
        };
        Self { rng, raw, tunnel: scene.open_unpolled(), ways: SIDES.map(way) }
    }

    async fn run_wild(mut self) {
        for _ in 0..self.rng.usize(5..80) {
            self.act_wildly().await;
            self.check();
            if !self.tunnel.is_open() {
                break;
            }
        }
        let outcome = self.end(seconds(30)).await;
        self.check_end(&outcome);
    }

    async fn run_politely(mut self) {
        for _ in 0..self.rng.usize(5..60) {
            self.act_politely().await;
            self.check();
        }
        for index in 0..2 {
            self.send(index, usize::MAX);
        }
        for _ in 0..400 {
            self.open_up();
            self.tunnel.wait(seconds(1)).await;
            self.check();
        }
        for way in &self.ways {
            assert_eq!(way.sent.len(), way.sent_at, "something from the {} did not arrive", way.from.as_str());
        }
        self.tunnel.drain(seconds(30));
        for index in [0, 1] {
            self.check();
            if !self.raw {
                self.say(index, close(1000, ""));
            }
            self.finish(index);
        }
        self.tunnel.settle();
        self.open_up();
        self.check();
        let outcome = self.tunnel.outcome();
        let farewell = if self.raw { Farewell::Finished } else { Farewell::Clean };
        assert_eq!((outcome.farewell.client, outcome.farewell.upstream), (farewell, farewell));
    }

    async fn act_wildly(&mut self) {
        let index = self.rng.usize(..2);
        match self.rng.u8(..100) {
            0..2 => self.finish(index),
            2 => {
                self.peer(index).resets();
                self.way_mut(index).finished = true;
                self.ways[1 - index].broken = true;
            }
            3 => {
                self.peer(index).stops_taking();
                self.ways[1 - index].broken = true;
            }
            4..7 => {
                let deadline = millis(self.rng.u64(1..20_000));
                self.tunnel.drain(deadline);
            }
            7..11 => {
                let code = *self.rng.choice(&[1000, 1001, 1005, 1015, 3000, 4999, 0]).unwrap_or(&1000);
                self.say(index, if code == 0 { empty_close() } else { close(code, "because") });
            }
            11..14 => {
                let hostile: Vec<u8> = (0..self.rng.usize(1..20)).map(|_| self.rng.u8(..)).collect();
                self.way_mut(index).unsent.extend(hostile);
                self.send(index, usize::MAX);
            }
            14..17 => {
                let jump = seconds(self.rng.u64(1..100));
                self.tunnel.jump(jump).await;
            }
            _ => self.act_politely().await,
        }
    }

    async fn act_politely(&mut self) {
        let index = self.rng.usize(..2);
        match self.rng.u8(..80) {
            0..25 => {
                let frame = self.frame();
                self.way_mut(index).unsent.extend(frame.encode(SIDES[index]));
                let most = if self.rng.bool() { usize::MAX } else { self.rng.usize(..200) };
                self.send(index, most);
            }
            25..35 => {
                let most = self.rng.usize(1..1000);
                self.send(index, most);
            }
            35..45 => {
                let most = self.rng.usize(1..100_000);
                self.peer(index).takes(most);
            }
            45..50 => {
                let room = *self.rng.choice(&[0, 1, 3, 1000, 50_000, usize::MAX]).unwrap_or(&0);
                self.peer(index).has_room_for(room);
            }
            50..55 => {
                let chunk = *self.rng.choice(&[1, 2, 13, 1000, usize::MAX]).unwrap_or(&1);
                self.peer(index).moves_at_most(chunk);
            }
            55..65 => {
                let time = millis(self.rng.u64(1..2_000));
                self.tunnel.wait(time).await;
            }
            65..70 => drop(self.tunnel.step()),
            _ => self.tunnel.settle(),
        }
        if self.rng.bool() {
            self.tunnel.settle();
        }
    }

    fn frame(&mut self) -> Frame {
        let size = match self.rng.u8(..20) {
            0 => self.rng.usize(..150_000),
            1..4 => self.rng.usize(..1_000),
            _ => self.rng.usize(..140),
        };
        match self.rng.u8(..8) {
            0 => ping("are you there?"),
            1 => pong(b"yes"),
            _ => binary(size),
        }
    }

    fn say(&mut self, index: usize, frame: Frame) {
        self.way_mut(index).unsent.extend(frame.encode(SIDES[index]));
        self.send(index, usize::MAX);
    }

    /// The source sends at most so many bytes of what it has to say.
    fn send(&mut self, index: usize, most: usize) {
        let way = &mut self.ways[index];
        if way.finished {
            return;
        }
        let count = most.min(way.unsent.len());
        let bytes: Vec<u8> = way.unsent.drain(..count).collect();
        way.sent.extend(&bytes);
        self.peer(index).sends(&bytes);
    }

    fn finish(&mut self, index: usize) {
        if !std::mem::replace(&mut self.ways[index].finished, true) {
            self.peer(index).finishes();
        }
    }

    /// Both peers take everything.
    fn open_up(&mut self) {
        for index in 0..2 {
            let peer = self.peer(index);
            peer.has_room_for(usize::MAX);
            peer.moves_at_most(usize::MAX);
            while peer.takes(usize::MAX) > 0 {}
        }
        self.tunnel.settle();
    }

    /// A drain ends whatever is left, whether the peers help or not.
    async fn end(&mut self, deadline: Duration) -> Outcome {
        let start = Instant::now();
        self.tunnel.drain(deadline);
        let helps = self.rng.bool();
        while self.tunnel.is_open() {
            assert!(start.elapsed() <= deadline + seconds(1), "the deadline ended nothing");
            if helps {
                self.open_up();
                (0..2).for_each(|index| self.finish(index));
            }
            self.tunnel.wait(seconds(1)).await;
            self.check();
        }
        self.tunnel.outcome()
    }

    /// The invariants that hold at any time.
    #[track_caller]
    fn check(&mut self) {
        let buffered = self.tunnel.buffered();
        assert!(buffered.from_client.max(buffered.from_upstream) <= BOUND, "{buffered:?} buffered");
        let mut marks = [None, None];
        for index in 0..2 {
            let way = &mut self.ways[index];
            let sink = self.tunnel.peer(way.from.other());
            sink.takes(0);
            if self.raw {
                assert!(way.sent.starts_with(&sink.taken), "raw bytes changed");
                way.sent_at = sink.taken.len();
            } else {
                marks[1 - index] = way.account(&sink.taken);
            }
        }
        for (way, mark) in self.ways.iter_mut().zip(marks) {
            way.mark = mark.or(way.mark.take());
            let mark = way.mark.clone();
            // A polite peer answers; here and there one that was told more than once answers once.
            if let Some(mark) = mark.filter(|_| self.rng.u8(..4) == 0 && way.unsent.is_empty()) {
                way.unsent.extend(pong(&mark).encode(way.from));
            }
        }
    }

    /// What holds of an ended tunnel, once everything was taken.
    fn check_end(&mut self, outcome: &Outcome) {
        self.open_up();
        self.check();
        for index in 0..2 {
            let way = &self.ways[index];
            let to = way.from.other();
            let farewell = *outcome.farewell.get(to);
            let got = &self.tunnel.peer(to).taken;
            let way = &self.ways[index];
            if self.raw || way.broken || farewell == Farewell::Cut {
                continue;
            }
            let tail = parse(&got[way.got_at..], to);
            match farewell {
                Farewell::Clean | Farewell::Unanswered => assert!(way.closed, "{to:?} has no Close: {outcome:?}"),
                Farewell::InsideFrame => assert!(matches!(tail, Parsed::InsidePayload), "{to:?}: {outcome:?}"),
                Farewell::Finished => assert!(matches!(tail, Parsed::Nothing), "{to:?}: {outcome:?}"),
                Farewell::Cut => {}
            }
        }
    }

    fn peer(&mut self, index: usize) -> &mut super::peer::Peer {
        self.tunnel.peer(SIDES[index])
    }

    fn way_mut(&mut self, index: usize) -> &mut Way {
        &mut self.ways[index]
    }
}

fn random_limits(rng: &mut Rng, limits: &mut LimitSettings, manners: Manners) {
    let rate = |rng: &mut Rng, range: Range<u64>| {
        (rng.u8(..4) == 0).then(|| Rate { per_second: rng.u64(range), burst: rng.u64(1..20) })
    };
    let throttles = manners == Manners::Polite || rng.bool();
    limits.excess = if throttles { Excess::Throttle } else { Excess::Close };
    limits.messages_per_second = rate(rng, 5..50);
    limits.control_frames_per_second = rate(rng, 5..50);
    limits.bytes_per_second = rate(rng, 50_000..1_000_000);
    if manners == Manners::Wild {
        let limit = |rng: &mut Rng, range: Range<u64>| (rng.u8(..4) == 0).then(|| rng.u64(range));
        limits.max_frame = limit(rng, 100..50_000);
        limits.max_message = limit(rng, 100..50_000);
        limits.max_fragments = limit(rng, 1..5);
    }
}

impl Way {
    /// Accounts for every byte of `got`: the next of what was sent, or a whole control frame of ours between two of them. Returns
    /// the payload of a ping of ours.
    #[track_caller]
    fn account(&mut self, got: &[u8]) -> Option<Vec<u8>> {
        let to = self.from.other();
        let mut mark = None;
        while let Parsed::Frame(frame, size) = parse(&got[self.got_at..], to) {
            assert!(!self.closed, "{frame:?} follows a Close to the {to:?}");
            let bytes = &got[self.got_at..self.got_at + size];
            self.skip_swallowed(bytes);
            self.got_at += size;
            self.closed = frame.close_code().is_some();
            assert!(!matches!(frame.close_code(), Some(1004 | 1005 | 1006 | 1015)), "{frame:?} on the wire");
            if self.sent[self.sent_at..].starts_with(bytes) {
                self.sent_at += size;
            } else if frame.is_ping() && frame.payload.len() == 8 {
                mark = Some(frame.payload);
            } else {
                assert!(self.closed, "nobody sent {frame:?}");
            }
        }
        let tail = &got[self.got_at..];
        self.skip_swallowed(tail);
        let ours = matches!(tail, [0x88 | 0x89, ..]);
        assert!(tail.is_empty() || !self.closed, "something follows a Close");
        assert!(ours || self.sent[self.sent_at..].starts_with(tail), "nobody sent what the {to:?} got");
        mark
    }

    /// Moves over pongs to our pings, unless they are what was got.
    fn skip_swallowed(&mut self, got: &[u8]) {
        let Some(mark) = &self.mark else { return };
        let pong = pong(mark).encode(self.from);
        while self.sent[self.sent_at..].starts_with(&pong) && !got.starts_with(&pong) {
            self.sent_at += pong.len();
        }
    }
}
