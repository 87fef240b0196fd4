//! What the requests of clients say of an endpoint: who fails them again and again is left out for a while, and comes back by one
//! trial at a time.
//!
//! ```text
//!          `after` failures in a row of one kind
//!  serving ────────────────────────────────────▶ ejected until ──▶ due ──▶ on trial
//!     ▲                                            ▲   back-off     ▲   claimed │ │
//!     │                                            │   is over      └───────────┘ │
//!     │                                            │    doubled      given back   │
//!     │                                            └───────────────────────failed─┤
//!     └────────────────────────────────────────────────────────────────────passed─┘
//! ```
//! Invariants: a trial is for the kind that caused the ejection, and at most one is under way; a trial that began before the last
//! ejection says nothing of this one.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::asked::Asked;

/// When an endpoint is ejected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EjectionRule {
    /// After so many failures in a row of one kind.
    pub after: NonZeroU32,
    /// For so long at first, doubled at each failed trial.
    pub first: Duration,
    /// For no longer than this.
    pub most: Duration,
}

/// The failures of an endpoint, and its ejection.
#[derive(Clone, Debug, Default)]
pub struct Ejection {
    /// Failures in a row: upgrades, exchanges.
    in_a_row: [u32; 2],
    /// How often the back-off was doubled.
    doubled: u32,
    /// How many ejections there were, for trials to know theirs.
    number: u64,
    state: State,
}

/// Tells the trial of one ejection from those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialNumber(u64);

/// When a trial may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDue {
    /// Once the back-off is over.
    BackOffIsOver,
    /// Now: nobody else is left.
    Now,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// It gets requests.
    Serving {
        /// When the last ejection ended.
        readmitted: Option<Instant>,
    },
    /// It does not.
    Ejected {
        /// What had failed, where that is known.
        asked: Option<Asked>,
        /// When its back-off is over.
        until: Instant,
        is_on_trial: bool,
    },
}

impl Ejection {
    /// That of an endpoint that was ejected in another process: what had failed is not known any more, and a request of any kind
    /// may be the trial.
    pub fn inherited(rule: EjectionRule, fraction: f64, now: Instant) -> Self {
        let mut ejection = Self::default();
        ejection.stay_out(None, rule, fraction, now);
        ejection
    }

    /// Whether it gets no requests but for trials.
    pub fn is_ejected(&self) -> bool {
        matches!(self.state, State::Ejected { .. })
    }

    /// Whether a success would change anything.
    pub fn is_in_trouble(&self) -> bool {
        self.is_ejected() || self.in_a_row != [0; 2]
    }

    /// A request went well that was no trial. One that was placed before an ejection is no proof against it.
    pub fn note_success(&mut self, asked: Asked) {
        if !self.is_ejected() {
            *self.count(asked) = 0;
        }
    }

    /// A request failed that was no trial. Returns for how long the endpoint is ejected, if it is: never where fewer than
    /// `min_eligible` others would be left; then the next failure asks again.
    pub fn note_failure(
        &mut self,
        asked: Asked,
        rule: EjectionRule,
        min_eligible: usize,
        others: impl FnOnce() -> usize,
        (fraction, now): (f64, Instant),
    ) -> Option<Duration> {
        if self.is_ejected() {
            return None;
        }
        let after = rule.after.get();
        let count = self.count(asked);
        *count = count.saturating_add(1).min(after);
        let is_due = *count == after;
        (is_due && others() >= min_eligible).then(|| self.eject(asked, rule, fraction, now))
    }

    /// Whether a request of this kind may be a trial.
    pub fn is_trial_due(&self, asked: Asked, when: WhenDue, now: Instant) -> bool {
        match self.state {
            State::Serving { .. } | State::Ejected { is_on_trial: true, .. } => false,
            State::Ejected { asked: failed, until, .. } => {
                failed.is_none_or(|failed| failed == asked) && (when == WhenDue::Now || now >= until)
            }
        }
    }

    /// A request becomes the trial, if it may be one. Each ends by one of the three below.
    pub fn begin_trial(&mut self, asked: Asked, when: WhenDue, now: Instant) -> Option<TrialNumber> {
        let is_due = self.is_trial_due(asked, when, now);
        if let State::Ejected { is_on_trial, .. } = &mut self.state
            && is_due
        {
            *is_on_trial = true;
            return Some(TrialNumber(self.number));
        }
        None
    }

    /// A trial ended without a verdict: the next request may be one.
    pub fn give_back(&mut self, trial: TrialNumber) {
        if self.is_of_now(trial)
            && let State::Ejected { is_on_trial, .. } = &mut self.state
        {
            *is_on_trial = false;
        }
    }

    /// A trial went well: whether the endpoint is readmitted by it.
    pub fn pass(&mut self, trial: TrialNumber, now: Instant) -> bool {
        let is_readmitted = self.is_of_now(trial) && self.is_ejected();
        if is_readmitted {
            self.in_a_row = [0; 2];
            self.state = State::Serving { readmitted: Some(now) };
        }
        is_readmitted
    }

    /// A trial failed. Returns for how long the endpoint stays ejected, if it does because of this.
    pub fn fail(&mut self, trial: TrialNumber, rule: EjectionRule, fraction: f64, now: Instant) -> Option<Duration> {
        match self.state {
            State::Ejected { asked, .. } if self.is_of_now(trial) => {
                self.doubled = self.doubled.saturating_add(1).min(MOST_DOUBLED);
                Some(self.stay_out(asked, rule, fraction, now))
            }
            State::Ejected { .. } | State::Serving { .. } => None,
        }
    }

    /// Everything that was held against the endpoint is over. A trial that is under way says nothing of what comes next.
    pub fn forgive(&mut self) {
        *self = Self { number: self.number + 1, ..Self::default() };
    }

    fn eject(&mut self, asked: Asked, rule: EjectionRule, fraction: f64, now: Instant) -> Duration {
        if let State::Serving { readmitted: Some(readmitted) } = self.state {
            let well_for = now.saturating_duration_since(readmitted);
            self.doubled = decayed(self.doubled, well_for, rule.most);
        }
        self.in_a_row = [0; 2];
        self.stay_out(Some(asked), rule, fraction, now)
    }

    fn stay_out(&mut self, asked: Option<Asked>, rule: EjectionRule, fraction: f64, now: Instant) -> Duration {
        let back_off = rule.first.saturating_mul(1 << self.doubled).min(rule.most).mul_f64(0.9 + 0.2 * fraction);
        self.number += 1;
        self.state = State::Ejected { asked, until: now + back_off, is_on_trial: false };
        back_off
    }

    fn is_of_now(&self, trial: TrialNumber) -> bool {
        trial == TrialNumber(self.number)
    }

    fn count(&mut self, asked: Asked) -> &mut u32 {
        let [upgrades, exchanges] = &mut self.in_a_row;
        match asked {
            Asked::Upgrade => upgrades,
            Asked::Exchange => exchanges,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Serving { readmitted: None }
    }
}

/// What is left of the doublings after so long without an ejection: none after `most`, and before that the fewer the longer.
fn decayed(doubled: u32, well_for: Duration, most: Duration) -> u32 {
    if well_for >= most {
        return 0;
    }
    let left = 1.0 - well_for.as_secs_f64() / most.as_secs_f64();
    (0..doubled).filter(|it| f64::from(*it) < f64::from(doubled) * left).count().try_into().unwrap_or(doubled)
}

/// A back-off that was doubled so often is years long.
const MOST_DOUBLED: u32 = 31;

#[cfg(test)]
mod tests;
