//! What has failed at an endpoint of late, for people to read: how often in a row, since when, and why the last time.
//!
//! Nothing follows from it: who is kept away is for `ejection`, which keeps nobody from the last endpoint that is left.

use std::fmt::Display;
use std::time::Instant;

use super::asked::Asked;

/// The failures of an endpoint since what it did well the last time, of each kind.
#[derive(Clone, Debug, Default)]
pub struct RecentFailures {
    upgrades: Option<InARow>,
    exchanges: Option<InARow>,
}

/// Failures in a row of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InARow {
    /// How many.
    pub count: u32,
    /// When the first was.
    pub since: Instant,
    /// Why the last was one.
    pub why: String,
}

impl RecentFailures {
    /// A request of this kind has failed.
    pub fn note(&mut self, asked: Asked, why: &dyn Display, now: Instant) {
        let of_kind = self.of_kind(asked);
        let (count, since) = of_kind.as_ref().map_or((0, now), |before| (before.count, before.since));
        *of_kind = Some(InARow { count: count.saturating_add(1), since, why: why.to_string() });
    }

    /// One went well.
    pub fn end(&mut self, asked: Asked) {
        *self.of_kind(asked) = None;
    }

    /// Those of a kind; `None` where the last went well, or there was none.
    pub fn of(&self, asked: Asked) -> Option<&InARow> {
        match asked {
            Asked::Upgrade => self.upgrades.as_ref(),
            Asked::Exchange => self.exchanges.as_ref(),
        }
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        self.upgrades.is_none() && self.exchanges.is_none()
    }

    fn of_kind(&mut self, asked: Asked) -> &mut Option<InARow> {
        match asked {
            Asked::Upgrade => &mut self.upgrades,
            Asked::Exchange => &mut self.exchanges,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn failures_of_a_kind_count_from_the_first_until_one_goes_well() {
        let (mut failures, begun) = (RecentFailures::default(), Instant::now());
        failures.note(Asked::Upgrade, &"no connection", begun);
        failures.note(Asked::Upgrade, &"status 502", begun + Duration::from_secs(3));
        let in_a_row = InARow { count: 2, since: begun, why: "status 502".into() };
        assert_eq!((failures.of(Asked::Upgrade), failures.of(Asked::Exchange)), (Some(&in_a_row), None));
        failures.end(Asked::Exchange);
        assert!(!failures.are_none(), "that was another kind");
        failures.end(Asked::Upgrade);
        assert!(failures.are_none());
    }
}
