//! How far above the average an endpoint's load may be.

use std::fmt;

/// A factor of the average load, exact to a thousandth; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadFactor(u32);

impl LoadFactor {
    /// Of so many thousandths, from 1,000 to 1,000,000; `None` beyond that.
    pub fn from_thousandths(thousandths: u32) -> Option<Self> {
        (1_000..=1_000_000).contains(&thousandths).then_some(Self(thousandths))
    }

    /// In thousandths.
    pub fn thousandths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for LoadFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1_000.0)
    }
}
