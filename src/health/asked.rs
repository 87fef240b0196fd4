//! What an endpoint is asked for.

use std::fmt;

/// What an endpoint is asked for: one that serves pages may refuse upgrades, and the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To switch protocols.
    Upgrade,
    /// A plain answer.
    Exchange,
}

impl fmt::Display for Asked {
    /// As many of them are called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upgrade => "upgrades",
            Self::Exchange => "exchanges",
        })
    }
}
