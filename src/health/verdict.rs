//! What the probes of an endpoint say of it, taken together.

use std::num::NonZeroU32;

/// How many equal results in a row change a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Probes that must pass for an endpoint that is down to be up.
    pub rise: NonZeroU32,
    /// Probes that must fail for an endpoint that is up to be down.
    pub fall: NonZeroU32,
}

/// What came of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// The endpoint is as it should be.
    Passed,
    /// It is not.
    Failed,
}

/// Whether an endpoint is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is well, or nothing was proved yet.
    Up,
    /// It is not.
    Down,
}

/// What the probes of an endpoint say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    availability: Availability,
    /// The last results in a row that speak against `availability`: fewer than would change it.
    against: u32,
}

impl Verdict {
    /// A verdict that begins here.
    pub fn new(availability: Availability) -> Self {
        Self { availability, against: 0 }
    }

    /// Whether the endpoint is well.
    pub fn availability(&self) -> Availability {
        self.availability
    }

    /// A probe is over. Returns whether the endpoint is well from now on, if that is new.
    pub fn note(&mut self, result: ProbeResult, thresholds: Thresholds) -> Option<Availability> {
        let (contrary, needed, other) = match self.availability {
            Availability::Up => (ProbeResult::Failed, thresholds.fall, Availability::Down),
            Availability::Down => (ProbeResult::Passed, thresholds.rise, Availability::Up),
        };
        self.against = if result == contrary { self.against.saturating_add(1) } else { 0 };
        if self.against < needed.get() {
            return None;
        }
        *self = Self::new(other);
        Some(other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Availability::{Down, Up};
    use super::ProbeResult::{Failed, Passed};
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { rise: NonZeroU32::new(2).unwrap(), fall: NonZeroU32::new(3).unwrap() };

    fn notes(verdict: &mut Verdict, results: &[ProbeResult]) -> Vec<Option<Availability>> {
        results.iter().map(|result| verdict.note(*result, THRESHOLDS)).collect()
    }

    #[test]
    fn a_start_is_up_until_fall_probes_in_a_row_have_failed() {
        let mut verdict = Verdict::new(Up);
        assert_eq!(notes(&mut verdict, &[Failed, Failed, Passed, Failed, Failed]), [None; 5]);
        assert_eq!(notes(&mut verdict, &[Failed, Failed]), [Some(Down), None]);
    }

    #[test]
    fn what_is_down_is_up_after_rise_probes_in_a_row() {
        let mut verdict = Verdict::new(Down);
        assert_eq!(notes(&mut verdict, &[Passed, Failed, Passed, Passed]), [None, None, None, Some(Up)]);
    }

    proptest! {
        #[test]
        fn a_verdict_changes_exactly_when_the_last_results_all_speak_against_it(
            results in proptest::collection::vec(any::<bool>(), 0..200), rise in 1_u32..5, fall in 1_u32..5,
        ) {
            let mut verdict = Verdict::new(Up);
            let mut since = 0;
            for (at, passed) in results.iter().enumerate() {
                let (needed, before) = match verdict.availability() {
                    Up => (fall as usize, true),
                    Down => (rise as usize, false),
                };
                let last = &results[since..=at];
                let is_due = last.len() >= needed && last[last.len() - needed..].iter().all(|passed| *passed != before);
                let [rise, fall] = [rise, fall].map(|it| NonZeroU32::new(it).unwrap());
                let result = if *passed { Passed } else { Failed };
                let changed = verdict.note(result, Thresholds { rise, fall });
                prop_assert_eq!(changed.is_some(), is_due);
                if is_due {
                    since = at + 1;
                }
            }
        }
    }
}
