//! A duration as people say it.

use std::fmt;
use std::time::Duration;

use crate::config::counted;

/// A duration in the largest unit of which it has two, and in seconds where it has two of none.
pub struct Rough(pub Duration);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let unit = UNITS.iter().find(|(_, worth)| seconds / worth >= 2);
        let (name, worth) = unit.unwrap_or(&("second", 1));
        f.write_str(&counted(usize::try_from(seconds / worth).unwrap_or(usize::MAX), name))
    }
}

/// What is counted in, and the seconds of each.
const UNITS: [(&str, u64); 3] = [("day", 86_400), ("hour", 3600), ("minute", 60)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_told_in_short_units() {
        let said = [0, 1, 3, 119, 120, 3600, 7199, 7200, 172_799, 172_800]
            .map(|seconds| Rough(Duration::from_secs(seconds)).to_string());
        let expected = [
            "0 seconds",
            "1 second",
            "3 seconds",
            "119 seconds",
            "2 minutes",
            "60 minutes",
            "119 minutes",
            "2 hours",
            "47 hours",
            "2 days",
        ];
        assert_eq!(said, expected);
    }
}
