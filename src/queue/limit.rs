//! How many handshakes an endpoint gets at once: as many as it bears, found out by how long they take.
//!
//! Additive increase, multiplicative decrease, as TCP does with its window (RFC 5681 §3.1): one more for each limit's worth of
//! handshakes that went well while the limit was in use, a quarter fewer when one failed or took clearly longer than the
//! endpoint can do it, whether or not somebody still waited for it. What is lowered once is not lowered again by handshakes that had begun before: they tell of the limit
//! that was.
//!
//! Invariant: it is never below `min` nor above `max`.

use std::time::{Duration, Instant};

use crate::config::HandshakeLimits;

/// A limit that adapts to what its endpoint bears.
#[derive(Debug)]
pub struct HandshakeLimit {
    bounds: HandshakeLimits,
    /// Its whole part is the limit.
    limit: f64,
    /// Grows each time the limit is lowered.
    generation: u64,
    baseline: Baseline,
}

/// What came of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeOutcome {
    /// The endpoint has switched, so long after it was dialled.
    Switched(Duration),
    /// There was no answer, or one by which the endpoint says that it cannot: it is not to get more.
    Failed,
    /// The client left so long after the endpoint was dialled, and nobody knows how much longer it would have taken.
    Abandoned(Duration),
    /// Nothing is to be learnt of it: the endpoint has refused what it was asked for, which may take it no time.
    Undecided,
}

/// How long a handshake takes when the endpoint is at leisure: the shortest of the last one or two minutes in which there
/// were any. So an endpoint that has come to be slower for good is believed after that.
#[derive(Debug, Default)]
struct Baseline {
    /// Since when `shortest` is looked for.
    since: Option<Instant>,
    shortest: Duration,
    /// That of the minute before.
    previous: Option<Duration>,
}

impl HandshakeLimit {
    /// A limit where it begins.
    pub fn new(bounds: HandshakeLimits) -> Self {
        Self { bounds, limit: f64::from(bounds.start.get()), generation: 0, baseline: Baseline::default() }
    }

    /// Moves it between other bounds from now on, as little as they ask for.
    pub fn set_bounds(&mut self, bounds: HandshakeLimits) {
        self.bounds = bounds;
        self.move_to(self.limit);
    }

    /// How many handshakes there may be at once.
    pub fn now(&self) -> usize {
        self.limit as usize
    }

    /// What a handshake that begins now belongs to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A handshake has ended that began in this `generation`; with it there were `under_way` at once.
    pub fn note(&mut self, outcome: HandshakeOutcome, generation: u64, under_way: usize, now: Instant) {
        match outcome {
            HandshakeOutcome::Undecided => {}
            HandshakeOutcome::Failed => self.lower(generation),
            HandshakeOutcome::Abandoned(so_far) => {
                if self.baseline.shortest().is_some_and(|usual| is_slow(so_far, usual)) {
                    self.lower(generation);
                }
            }
            HandshakeOutcome::Switched(latency) => {
                let usual = self.baseline.note(latency, now);
                if is_slow(latency, usual) {
                    self.lower(generation);
                } else if under_way >= self.now() {
                    self.move_to(self.limit + 1.0 / self.limit);
                }
            }
        }
    }

    fn lower(&mut self, generation: u64) {
        if generation == self.generation {
            self.generation += 1;
            self.move_to(self.limit * DECREASE);
        }
    }

    fn move_to(&mut self, limit: f64) {
        let HandshakeLimits { min, max, .. } = self.bounds;
        self.limit = limit.max(f64::from(min.get())).min(f64::from(max.get()));
    }
}

impl Baseline {
    /// Takes note of one handshake; how long the shortest took.
    fn note(&mut self, latency: Duration, now: Instant) -> Duration {
        match self.since {
            Some(since) if now.saturating_duration_since(since) < REMEMBERED => {
                self.shortest = self.shortest.min(latency);
            }
            since => {
                self.previous = since.map(|_| self.shortest);
                self.shortest = latency;
                self.since = Some(now);
            }
        }
        self.shortest().unwrap_or(latency)
    }

    /// How long the shortest took, where there was any.
    fn shortest(&self) -> Option<Duration> {
        self.since?;
        Some(self.previous.map_or(self.shortest, |previous| previous.min(self.shortest)))
    }
}

/// Whether a handshake took clearly longer than is `usual`.
fn is_slow(latency: Duration, usual: Duration) -> bool {
    latency > 2 * usual && latency > usual + NOISE
}

/// What remains of a limit that is lowered.
const DECREASE: f64 = 0.75;

/// A handshake that takes longer by less than this may be late by chance, however short they are.
const NOISE: Duration = Duration::from_millis(5);

/// For how long the shortest handshake is remembered, and then once more.
const REMEMBERED: Duration = Duration::from_secs(60);

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use HandshakeOutcome::{Abandoned, Failed, Switched, Undecided};

    const QUICK: HandshakeOutcome = Switched(Duration::from_millis(20));

    pub(in super::super) fn bounds(start: u32, min: u32, max: u32) -> HandshakeLimits {
        let [start, min, max] = [start, min, max].map(|limit| NonZeroU32::new(limit).unwrap());
        HandshakeLimits { start, min, max }
    }

    /// When something begins that is played.
    pub(in super::super) fn beginning() -> Instant {
        Instant::now()
    }

    fn ordinary() -> HandshakeLimit {
        HandshakeLimit::new(bounds(40, 5, 500))
    }

    #[test]
    fn it_grows_by_one_for_each_limits_worth_of_handshakes_while_it_is_in_use() {
        let (mut limit, now) = (ordinary(), Instant::now());
        for _ in 0..41 {
            limit.note(QUICK, 0, 40, now);
        }
        assert_eq!(limit.now(), 41);
        for _ in 0..1000 {
            limit.note(QUICK, 0, 40, now);
        }
        assert_eq!(limit.now(), 41, "nobody asks for more");
    }

    #[test]
    fn all_that_were_under_way_lower_it_once() {
        let (mut limit, now) = (ordinary(), Instant::now());
        for _ in 0..40 {
            limit.note(Failed, 0, 40, now);
        }
        assert_eq!((limit.now(), limit.generation()), (30, 1));
        limit.note(Failed, 1, 30, now);
        assert_eq!(limit.now(), 22);
    }

    #[test]
    fn a_handshake_is_slow_by_twice_the_usual_and_by_more_than_chance() {
        let now = Instant::now();
        for (usual, slow, is_lowered) in
            [(20, 40, false), (20, 41, true), (1, 5, false), (1, 7, true), (100, 199, false)]
        {
            let mut limit = ordinary();
            limit.note(Switched(Duration::from_millis(usual)), 0, 1, now);
            limit.note(Switched(Duration::from_millis(slow)), 0, 1, now);
            assert_eq!(limit.now() < 40, is_lowered, "{usual} {slow}");
        }
    }

    #[test]
    fn one_that_nobody_waited_for_to_the_end_is_slow_by_what_it_took_until_then() {
        let now = Instant::now();
        let abandoned =
            |limit: &mut HandshakeLimit, millis| limit.note(Abandoned(Duration::from_millis(millis)), 0, 40, now);
        let mut limit = ordinary();
        abandoned(&mut limit, 10_000);
        assert_eq!(limit.now(), 40, "nobody knows what is usual");
        limit.note(QUICK, 0, 1, now);
        abandoned(&mut limit, 1);
        limit.note(Switched(Duration::from_millis(40)), 0, 1, now);
        assert_eq!(limit.now(), 40, "one who leaves soon is not taken for an endpoint that is quick");
        abandoned(&mut limit, 41);
        abandoned(&mut limit, 10_000);
        assert_eq!((limit.now(), limit.generation()), (30, 1));
    }

    #[test]
    fn an_endpoint_that_has_come_to_be_slower_is_believed_after_two_minutes() {
        let (mut limit, begun) = (ordinary(), Instant::now());
        limit.note(QUICK, 0, 1, begun);
        let slower = Switched(Duration::from_millis(90));
        for second in 1..=125 {
            limit.note(slower, limit.generation(), 1, begun + Duration::from_secs(second));
        }
        let (generation, found) = (limit.generation(), limit.now());
        assert_eq!(found, 5);
        limit.note(slower, generation, found, begun + Duration::from_secs(126));
        assert_eq!(limit.generation(), generation);
    }

    #[test]
    fn of_who_was_refused_nothing_is_learnt_and_a_fixed_limit_learns_nothing() {
        let now = Instant::now();
        let mut limit = ordinary();
        limit.note(Undecided, 0, 40, now);
        assert_eq!((limit.now(), limit.generation()), (40, 0));
        let mut limit = HandshakeLimit::new(bounds(7, 7, 7));
        for outcome in [QUICK, Failed, QUICK, Switched(Duration::from_secs(9)), Abandoned(Duration::from_secs(9))] {
            limit.note(outcome, limit.generation(), 7, now);
            assert_eq!(limit.now(), 7);
        }
    }

    #[test]
    fn other_bounds_move_it_as_little_as_they_ask_for() {
        let mut limit = ordinary();
        limit.set_bounds(bounds(1, 1, 100));
        assert_eq!(limit.now(), 40);
        limit.set_bounds(bounds(100, 100, 100));
        assert_eq!(limit.now(), 100);
    }

    /// Handshakes with an endpoint that does `capacity` at once, each in 20 ms, and more than that ever more slowly: as many
    /// at once as the limit lets, after so many rounds. The lowest and the highest limit of the last half of them.
    fn converged(bounds: HandshakeLimits, capacity: usize) -> (usize, usize) {
        let mut limit = HandshakeLimit::new(bounds);
        let (mut now, mut found) = (Instant::now(), Vec::new());
        let at_leisure = Duration::from_millis(20);
        limit.note(Switched(at_leisure), 0, 1, now);
        for _ in 0..2000 {
            let (under_way, generation) = (limit.now(), limit.generation());
            let latency = at_leisure.mul_f64((under_way as f64 / capacity as f64).max(1.0));
            now += latency;
            for _ in 0..under_way {
                limit.note(Switched(latency), generation, under_way, now);
            }
            found.push(limit.now());
        }
        let found = &found[1000..];
        (*found.iter().min().unwrap(), *found.iter().max().unwrap())
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds_whatever_happens(
            (min, start, max) in (1_u32..50, 0_u32..50, 0_u32..50).prop_map(|(min, a, b)| (min, min + a, min + a + b)),
            outcomes in prop::collection::vec((0_u64..200, 0_u64..4, 0_usize..200, 0_u64..90), 0..300),
        ) {
            let mut limit = HandshakeLimit::new(bounds(start, min, max));
            let mut now = Instant::now();
            for (millis, age, under_way, seconds) in outcomes {
                let outcome = match millis {
                    0..20 => Failed,
                    20..30 => Undecided,
                    30..40 => Abandoned(Duration::from_secs(millis)),
                    millis => Switched(Duration::from_millis(millis)),
                };
                now += Duration::from_secs(seconds);
                let generation = limit.generation();
                limit.note(outcome, generation.saturating_sub(age), under_way, now);
                prop_assert!((min as usize..=max as usize).contains(&limit.now()), "{}", limit.now());
                prop_assert!(limit.generation() <= generation + 1);
            }
        }

        #[test]
        fn it_finds_what_an_endpoint_bears_within_a_factor_of_two(capacity in 4_usize..300, start in 1_u32..300) {
            let (lowest, highest) = converged(bounds(start, 1, 1000), capacity);
            prop_assert!(lowest >= capacity, "{lowest}");
            prop_assert!(highest <= 2 * capacity + 1, "{highest}");
        }
    }
}
