//! When the keys of an issuer are fetched next, and whether a token that names an unknown one may have them fetched sooner.
//!
//! Invariants: one fetch at a time; tokens cause one each [`BETWEEN_CAUSED`] at the most, however many there are; a fetch that failed
//! is followed by another within [`LONGEST_PAUSE`].

use std::time::{Duration, Instant};

/// When keys are fetched.
#[derive(Debug)]
pub struct KeySchedule {
    /// How long a set is good before it is fetched again.
    every: Duration,
    /// When the next fetch begins; `None`: one is under way.
    due: Option<Instant>,
    /// How many in a row came to nothing.
    failures: u32,
    /// When a token has caused one last.
    caused: Option<Instant>,
}

/// Whether it is worth waiting for another set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// A fetch is under way, or begins now.
    Coming,
    /// None does.
    NotNow,
}

/// What is new of a source of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceNews {
    /// It gives none any more.
    Failing,
    /// It does again.
    Works,
}

impl KeySchedule {
    /// One whose first fetch is due at once.
    pub fn new(every: Duration, now: Instant) -> Self {
        Self { every, due: Some(now), failures: 0, caused: None }
    }

    /// From now on a set is good for so long.
    pub fn keep_to(&mut self, every: Duration, now: Instant) {
        if self.every != every {
            self.every = every;
            self.due = self.due.map(|due| due.min(now + every));
        }
    }

    /// When the next fetch begins; `None` while one is under way.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A fetch begins.
    pub fn begin(&mut self) {
        self.due = None;
    }

    /// A set came. Returns whether that is news. `chance` is a number from 0 to 1: not all proxies of a fleet ask at once.
    pub fn note_keys(&mut self, now: Instant, chance: f64) -> Option<SourceNews> {
        let was_failing = std::mem::take(&mut self.failures) > 0;
        self.due = Some(now + self.every.mul_f64(0.9 + 0.2 * chance));
        was_failing.then_some(SourceNews::Works)
    }

    /// None came. Returns whether that is news.
    pub fn note_failure(&mut self, now: Instant, chance: f64) -> Option<SourceNews> {
        let pause =
            FIRST_PAUSE.saturating_mul(1 << self.failures.min(MOST_DOUBLINGS)).min(LONGEST_PAUSE).min(self.every);
        self.due = Some(now + pause.mul_f64(0.75 + 0.25 * chance));
        self.failures = self.failures.saturating_add(1);
        (self.failures == 1).then_some(SourceNews::Failing)
    }

    /// Whether a set is about to come.
    pub fn prospect(&self, now: Instant) -> Prospect {
        if self.due.is_none_or(|due| due <= now) { Prospect::Coming } else { Prospect::NotNow }
    }

    /// A token names a key that is in no set so far. Who makes names up must not have others asked.
    pub fn note_unknown(&mut self, now: Instant) -> Prospect {
        let may_cause = self.caused.is_none_or(|caused| now >= caused + BETWEEN_CAUSED);
        if self.prospect(now) == Prospect::NotNow && may_cause {
            self.caused = Some(now);
            self.due = Some(now);
        }
        self.prospect(now)
    }
}

/// How long no token causes another fetch after one that did.
const BETWEEN_CAUSED: Duration = Duration::from_secs(30);

/// After how long a fetch that failed is tried again, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// As many make more than the longest pause of the first.
const MOST_DOUBLINGS: u32 = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTES: Duration = Duration::from_secs(600);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One that has fetched at `now`.
    fn fetched(now: Instant) -> KeySchedule {
        let mut schedule = KeySchedule::new(MINUTES, now);
        assert_eq!((schedule.due(), schedule.prospect(now)), (Some(now), Prospect::Coming));
        schedule.begin();
        assert_eq!((schedule.due(), schedule.prospect(now)), (None, Prospect::Coming));
        assert_eq!(schedule.note_keys(now, 0.5), None);
        schedule
    }

    #[test]
    fn keys_are_fetched_again_in_time_give_or_take_a_tenth() {
        let now = Instant::now();
        for (chance, after) in [(0.0, 540), (0.5, 600), (1.0, 660)] {
            let mut schedule = fetched(now);
            schedule.note_keys(now, chance);
            assert_eq!(schedule.due(), Some(now + seconds(after)));
            assert_eq!(schedule.prospect(now), Prospect::NotNow);
        }
        let mut schedule = fetched(now);
        schedule.keep_to(2 * MINUTES, now);
        assert_eq!(schedule.due(), Some(now + MINUTES), "the one that is due stays due");
        schedule.keep_to(seconds(30), now + seconds(1));
        assert_eq!(schedule.due(), Some(now + seconds(31)));
    }

    #[test]
    fn a_source_that_fails_is_news_once_and_asked_again_after_ever_longer_pauses() {
        let now = Instant::now();
        let mut schedule = KeySchedule::new(MINUTES, now);
        for (pause, news) in
            [1, 2, 4, 8, 16, 32, 60, 60].into_iter().zip([Some(SourceNews::Failing)].into_iter().chain([None; 7]))
        {
            schedule.begin();
            assert_eq!(schedule.note_failure(now, 1.0), news);
            assert_eq!(schedule.due(), Some(now + seconds(pause)));
        }
        schedule.begin();
        assert_eq!(schedule.note_keys(now, 0.5), Some(SourceNews::Works));
        assert_eq!(schedule.note_keys(now, 0.5), None);
        assert_eq!(schedule.note_failure(now, 0.0), Some(SourceNews::Failing));
        assert_eq!(schedule.due(), Some(now + seconds(1).mul_f64(0.75)), "from the start again");
        let mut hasty = KeySchedule::new(seconds(1), now);
        for _ in 0..9 {
            hasty.note_failure(now, 1.0);
        }
        assert_eq!(hasty.due(), Some(now + seconds(1)), "not later than without a failure");
    }

    #[test]
    fn tokens_with_unknown_keys_cause_one_fetch_in_half_a_minute() {
        let now = Instant::now();
        let mut schedule = fetched(now);
        assert_eq!(schedule.note_unknown(now + seconds(1)), Prospect::Coming);
        assert_eq!(schedule.due(), Some(now + seconds(1)));
        schedule.begin();
        assert_eq!(schedule.note_unknown(now + seconds(1)), Prospect::Coming, "the same one");
        schedule.note_keys(now + seconds(2), 0.5);
        assert_eq!(schedule.note_unknown(now + seconds(30)), Prospect::NotNow);
        assert_eq!(schedule.note_unknown(now + seconds(31)), Prospect::Coming);
    }

    proptest! {
        #[test]
        fn a_flood_of_unknown_keys_makes_few_fetches(steps in prop::collection::vec((0..3_u8, 0..5_000_u64), 1..400)) {
            let (begun, mut schedule) = (Instant::now(), fetched(Instant::now()));
            let (mut now, mut fetches) = (begun, 0_u32);
            for (what, later) in steps {
                now += Duration::from_millis(later);
                schedule.note_unknown(now);
                if schedule.due().is_some_and(|due| due <= now) {
                    schedule.begin();
                    fetches += 1;
                } else if schedule.due().is_none() && what > 0 {
                    schedule.note_keys(now, 0.5);
                }
            }
            let passed = now.duration_since(begun).as_secs();
            prop_assert!(u64::from(fetches) <= 2 + passed / 30 + passed / 540, "{} in {} s", fetches, passed);
        }
    }
}
