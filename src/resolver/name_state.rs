//! What is known of one name, and what of it may be used when.
//!
//! ```text
//! Unknown ──found──→ Good ──expires──→ Outdated      (a lookup begins before that while the name is asked for)
//!    │                │ ↑                 │
//!    failed        failed found        failed
//!    ↓                ↓ │                 ↓
//! Failed           Good: the last good addresses are used until there are better ones (RFC 8767)
//! ```

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Found;
use super::error::LookupError;

/// What is known of one name.
#[derive(Clone, Debug)]
pub(super) struct NameState {
    good: Option<Good>,
    failing: Option<Failing>,
    /// When it is to be looked up again.
    due: Instant,
    /// How many lookups are over.
    lookups: u64,
}

/// What the last good answer said.
#[derive(Clone, Debug)]
struct Good {
    addresses: Arc<[IpAddr]>,
    found: Instant,
    expires: Instant,
}

/// Lookups that came to nothing, one after another.
#[derive(Clone, Debug)]
struct Failing {
    error: LookupError,
    since: Instant,
    times: u32,
}

/// What may be used of a name now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is known yet.
    Unknown,
    /// These addresses: waiting brings nothing better.
    Good(Arc<[IpAddr]>),
    /// These are out of date: a lookup is worth a moment.
    Outdated(Arc<[IpAddr]>),
    /// Nothing, as a lookup has found a moment ago.
    Failed(LookupError),
}

/// What a lookup changes for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The name cannot be resolved, since this lookup.
    Fails,
    /// It can again, after so many lookups over this time.
    Recovers { failed: u32, lasted: Duration },
}

/// Between these lies for how long an answer is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct TtlBounds {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl NameState {
    /// Nothing is known of it.
    pub(super) fn new(now: Instant) -> Self {
        Self { good: None, failing: None, due: now, lookups: 0 }
    }

    /// What may be used of it.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match (&self.good, &self.failing) {
            (Some(good), None) if now >= good.expires => Standing::Outdated(Arc::clone(&good.addresses)),
            (Some(good), _) => Standing::Good(Arc::clone(&good.addresses)),
            (None, Some(failing)) if now < self.due => Standing::Failed(failing.error.clone()),
            (None, _) => Standing::Unknown,
        }
    }

    /// When it is to be looked up again.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// How many lookups are over.
    pub(super) fn lookups(&self) -> u64 {
        self.lookups
    }

    /// The last good addresses, and since when they are.
    pub(super) fn last_good(&self) -> Option<(&[IpAddr], Instant)> {
        self.good.as_ref().map(|good| (&*good.addresses, good.found))
    }

    /// Whether its last lookup came to nothing.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// A lookup is over.
    pub(super) fn note(
        &mut self,
        now: Instant,
        result: Result<Found<IpAddr>, LookupError>,
        bounds: TtlBounds,
    ) -> Option<Turn> {
        self.lookups += 1;
        match result {
            Ok(found) => {
                let ttl = found.ttl.min(bounds.max).max(bounds.min);
                self.good = Some(Good { addresses: found.records.into(), found: now, expires: now + ttl });
                self.due = now + ttl - ttl / LEAD;
                let failing = self.failing.take()?;
                Some(Turn::Recovers { failed: failing.times, lasted: now - failing.since })
            }
            Err(error) => {
                let failing = self.failing.get_or_insert(Failing { error: error.clone(), since: now, times: 0 });
                failing.error = error;
                failing.times += 1;
                self.due = now + pause(failing.times);
                (failing.times == 1).then_some(Turn::Fails)
            }
        }
    }
}

/// The pause after so many failures in a row.
fn pause(times: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.saturating_pow(times.saturating_sub(1).min(8))).min(LONGEST_PAUSE)
}

/// The lookup that replaces an answer begins when this part of its time is left.
const LEAD: u32 = 10;
/// A name that is not found is not asked for again sooner: a burst of connects is one lookup (RFC 2308 §7).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A server that is well again is noticed within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const BOUNDS: TtlBounds = TtlBounds { min: SECOND, max: Duration::from_secs(100) };

    fn found(last: u8, ttl: u64) -> Result<Found<IpAddr>, LookupError> {
        Ok(Found { records: vec![[10, 0, 0, last].into()], ttl: Duration::from_secs(ttl) })
    }

    fn address(last: u8) -> Arc<[IpAddr]> {
        Arc::new([[10, 0, 0, last].into()])
    }

    #[test]
    fn an_answer_is_used_for_its_time_and_looked_up_again_before_it_ends() {
        let now = Instant::now();
        let mut state = NameState::new(now);
        assert_eq!(state.standing(now), Standing::Unknown);
        assert_eq!(state.note(now, found(1, 50), BOUNDS), None);
        assert_eq!(state.due(), now + 45 * SECOND);
        assert_eq!(state.standing(now + 49 * SECOND), Standing::Good(address(1)));
        assert_eq!(state.standing(now + 50 * SECOND), Standing::Outdated(address(1)));
    }

    #[test]
    fn its_time_has_a_floor_and_a_ceiling() {
        let now = Instant::now();
        for (ttl, kept) in [(0, 1), (1, 1), (7, 7), (100, 100), (1_000_000, 100)] {
            let mut state = NameState::new(now);
            state.note(now, found(1, ttl), BOUNDS);
            let just_before = now + kept * SECOND - Duration::from_millis(1);
            assert_eq!(state.standing(just_before), Standing::Good(address(1)), "{ttl}");
            assert_eq!(state.standing(now + kept * SECOND), Standing::Outdated(address(1)), "{ttl}");
        }
    }

    #[test]
    fn the_last_good_addresses_are_kept_for_as_long_as_there_are_no_better_ones() {
        let now = Instant::now();
        for error in [LookupError::NoSuchName, LookupError::NoRecords, LookupError::TimedOut(SECOND)] {
            let mut state = NameState::new(now);
            state.note(now, found(1, 10), BOUNDS);
            assert_eq!(state.note(now + 9 * SECOND, Err(error.clone()), BOUNDS), Some(Turn::Fails));
            assert_eq!(state.note(now + 10 * SECOND, Err(error), BOUNDS), None, "it is said once");
            assert_eq!(state.standing(now + 100_000 * SECOND), Standing::Good(address(1)));
            let recovers = state.note(now + 20 * SECOND, found(2, 10), BOUNDS);
            assert_eq!(recovers, Some(Turn::Recovers { failed: 2, lasted: 11 * SECOND }));
            assert_eq!(state.standing(now + 20 * SECOND), Standing::Good(address(2)));
        }
    }

    #[test]
    fn that_nothing_was_found_is_remembered_for_a_moment() {
        let now = Instant::now();
        let mut state = NameState::new(now);
        state.note(now, Err(LookupError::NoSuchName), BOUNDS);
        assert_eq!(state.standing(now), Standing::Failed(LookupError::NoSuchName));
        assert_eq!(state.standing(now + FIRST_PAUSE), Standing::Unknown);
        for _ in 0..100 {
            state.note(now, Err(LookupError::NoSuchName), BOUNDS);
        }
        assert_eq!(state.due(), now + LONGEST_PAUSE);
    }
}
