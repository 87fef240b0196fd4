//! Tunnels with peers that do anything at any time: whatever happens, what comes out is what went in plus
//! whole control frames of ours, the buffers stay bounded, and the tunnel ends.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::choices::Choices;
use super::course::Course;
use super::frames::*;
use super::lived::{Lived, Seen};
use super::scene::{Open, Scene, millis, seconds};
use crate::config::{Excess, IdleCounts, LimitSettings, Rate};
use crate::process::Delivery;
use crate::tunnel::scratch::{HEAD, READ};
use crate::tunnel::{Outcome, SideOutcome};
use crate::websocket::Side;

const SIDES: [Side; 2] = [Side::Client, Side::Upstream];
/// What one direction may buffer: a read, the start of a header, and a few control frames of ours.
const BOUND: usize = READ + HEAD + 512;

/// Runs the simulation that these bytes choose; panics where something does not hold that must.
#[cfg_attr(not(feature = "fuzzing"), expect(unreachable_pub, reason = "the fuzz target calls it"))]
pub fn simulate(bytes: &[u8]) {
    fastrand::seed(0);
    let mut choices = Choices::from_bytes(bytes);
    let manners = if choices.one_in(4) { Manners::Polite } else { Manners::Wild };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { Simulation::new(choices, manners).run().await });
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    Wild,
    Polite,
}

pub(super) struct Simulation {
    choices: Choices,
    manners: Manners,
    raw: bool,
    pub(super) tunnel: Open,
    ways: [Course; 2],
    begun: Instant,
    /// What both peers have had, whenever that was looked at.
    seen: Vec<Seen>,
}

impl Simulation {
    pub(super) fn new(mut choices: Choices, manners: Manners) -> Self {
        let raw = choices.one_in(8);
        let mut scene = if raw { Scene::raw() } else { Scene::new() };
        let some = |choices: &mut Choices, range| choices.is_heads().then(|| millis(choices.number(range)));
        let mut lifetime = None;
        scene = scene.with(|settings| {
            for side in SIDES {
                settings.ping_every[side] = some(&mut choices, 100..5_000);
            }
            settings.closing_timeout = millis(choices.number(100..5_000));
            settings.half_close_timeout = Some(millis(choices.number(100..5_000)));
            settings.pong_within = seconds(3600);
            if manners == Manners::Wild {
                settings.pong_within = millis(choices.number(100..5_000));
                settings.idle_timeout = some(&mut choices, 100..10_000);
                settings.idle_counts = if choices.is_heads() { IdleCounts::Messages } else { IdleCounts::Frames };
                settings.stall_timeout = some(&mut choices, 100..10_000);
                lifetime = some(&mut choices, 1_000..30_000);
            }
        });
        match lifetime {
            Some(odd) if odd.as_millis() % 2 == 1 => scene.expires = lifetime,
            _ => scene.settings.max_lifetime = lifetime,
        }
        for side in SIDES {
            scene = scene.limit(side, |limits| choose_limits(&mut choices, limits, manners));
        }
        let way = |from| Course {
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
        let (tunnel, ways) = (scene.open_unpolled(), SIDES.map(way));
        Self { choices, manners, raw, tunnel, ways, begun: Instant::now(), seen: Vec::new() }
    }

    /// The same, with a tunnel that is carried over at moments that `carries` says.
    pub(super) fn carried_over(mut self, carries: Rng) -> Self {
        self.tunnel.is_carried_over(Some(carries));
        self
    }

    pub(super) async fn run(mut self) -> Lived {
        match self.manners {
            Manners::Wild => self.run_wild().await,
            Manners::Polite => self.run_politely().await,
        }
        let taken = SIDES.map(|side| self.tunnel.peer(side).taken.clone());
        Lived::of(self.seen, taken, self.raw, (self.tunnel.outcome(), self.begun))
    }

    async fn run_wild(&mut self) {
        while self.choices.go_on() {
            self.act_wildly().await;
            self.check();
            if !self.tunnel.is_open() {
                break;
            }
        }
        let outcome = self.end(seconds(30)).await;
        self.check_end(&outcome);
    }

    /// Does what its choices say, and looks at nothing.
    pub(super) async fn act_politely_for_a_while(&mut self) {
        while self.choices.go_on() {
            self.act_politely().await;
        }
    }

    async fn run_politely(&mut self) {
        while self.choices.go_on() {
            self.act_politely().await;
            self.check();
        }
        for index in 0..2 {
            self.send(index, usize::MAX);
        }
        for _ in 0..400 {
            self.open_up();
            self.check();
            if self.ways.iter().all(|way| way.sent.len() == way.sent_at) {
                break;
            }
            self.tunnel.wait(seconds(1)).await;
        }
        // Nobody is throttled any more.
        self.tunnel.wait(seconds(100)).await;
        self.check();
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
        let sides = if self.raw { SideOutcome::Finished } else { SideOutcome::Clean };
        assert_eq!((outcome.sides.client, outcome.sides.upstream), (sides, sides));
    }

    async fn act_wildly(&mut self) {
        let index = self.choices.size(0..2);
        match self.choices.number(0..100) {
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
                let deadline = millis(self.choices.number(1..20_000));
                self.tunnel.drain(deadline);
            }
            7..11 => {
                let code = self.choices.one_of(&[1000, 1001, 1005, 1015, 3000, 4999, 0]);
                self.say(index, if code == 0 { empty_close() } else { close(code, "because") });
            }
            11..14 => {
                let hostile: Vec<u8> =
                    (0..self.choices.size(1..20)).map(|_| self.choices.number(0..256) as u8).collect();
                self.way_mut(index).unsent.extend(hostile);
                self.send(index, usize::MAX);
            }
            14..17 => {
                let jump = seconds(self.choices.number(1..100));
                self.tunnel.jump(jump).await;
            }
            17..20 => {
                let acked = self.choices.number(0..1_000);
                let since_ack = millis(self.choices.number(0..5_000));
                let outstanding = self.choices.is_heads();
                self.peer(index).delivery_is(Delivery { acked, outstanding, since_ack });
            }
            _ => self.act_politely().await,
        }
    }

    async fn act_politely(&mut self) {
        let index = self.choices.size(0..2);
        match self.choices.number(0..80) {
            0..25 => {
                let frame = self.frame();
                self.way_mut(index).unsent.extend(frame.encode(SIDES[index]));
                let most = if self.choices.is_heads() { usize::MAX } else { self.choices.size(0..200) };
                self.send(index, most);
            }
            25..35 => {
                let most = self.choices.size(1..1000);
                self.send(index, most);
            }
            35..45 => {
                let most = self.choices.size(1..100_000);
                self.peer(index).takes(most);
            }
            45..50 => {
                let room = self.choices.one_of(&[0, 1, 3, 1000, 50_000, usize::MAX]);
                self.peer(index).has_room_for(room);
            }
            50..55 => {
                let chunk = self.choices.one_of(&[1, 2, 13, 1000, usize::MAX]);
                self.peer(index).moves_at_most(chunk);
            }
            55..65 => {
                let time = millis(self.choices.number(1..2_000));
                self.tunnel.wait(time).await;
            }
            65..70 => drop(self.tunnel.step()),
            _ => self.tunnel.settle(),
        }
        if self.choices.is_heads() {
            self.tunnel.settle();
        }
    }

    fn frame(&mut self) -> Frame {
        let size = match self.choices.number(0..20) {
            0 => self.choices.size(0..150_000),
            1..4 => self.choices.size(0..1_000),
            _ => self.choices.size(0..140),
        };
        match self.choices.number(0..8) {
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
        let helps = self.choices.is_heads();
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
        self.seen.push(Seen {
            at: self.begun.elapsed(),
            taken: SIDES.map(|side| self.tunnel.peer(side).taken.len()),
            waiting: SIDES.map(|side| self.tunnel.peer(side).waiting()),
            is_open: self.tunnel.is_open(),
        });
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
            if let Some(mark) = mark.filter(|_| self.choices.one_in(4) && way.unsent.is_empty()) {
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
            let sides = outcome.sides[to];
            let got = &self.tunnel.peer(to).taken;
            let way = &self.ways[index];
            if self.raw || way.broken || sides == SideOutcome::Cut {
                continue;
            }
            let tail = parse(&got[way.got_at..], to);
            match sides {
                SideOutcome::Clean | SideOutcome::Unanswered => assert!(way.closed, "{to:?} has no Close: {outcome:?}"),
                SideOutcome::InsideFrame => assert!(matches!(tail, Parsed::InsidePayload), "{to:?}: {outcome:?}"),
                SideOutcome::Finished => assert!(matches!(tail, Parsed::Nothing), "{to:?}: {outcome:?}"),
                SideOutcome::Cut => {}
            }
        }
    }

    fn peer(&mut self, index: usize) -> &mut super::peer::Peer {
        self.tunnel.peer(SIDES[index])
    }

    fn way_mut(&mut self, index: usize) -> &mut Course {
        &mut self.ways[index]
    }
}

fn choose_limits(choices: &mut Choices, limits: &mut LimitSettings, manners: Manners) {
    let rate = |choices: &mut Choices, range: Range<u64>| {
        choices.one_in(4).then(|| Rate { per_second: choices.number(range), burst: choices.number(1..20) })
    };
    let throttles = manners == Manners::Polite || choices.is_heads();
    limits.excess = if throttles { Excess::Throttle } else { Excess::Close };
    limits.messages_per_second = rate(choices, 5..50);
    limits.control_frames_per_second = rate(choices, 5..50);
    limits.bytes_per_second = rate(choices, 50_000..1_000_000);
    if manners == Manners::Wild {
        let limit = |choices: &mut Choices, range: Range<u64>| choices.one_in(4).then(|| choices.number(range));
        limits.max_frame = limit(choices, 100..50_000);
        limits.max_message = limit(choices, 100..50_000);
        limits.max_fragments = limit(choices, 1..5);
    }
}
