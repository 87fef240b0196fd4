//! By what a request is known in every line about it.

use std::fmt;

/// By what a request is known in every line about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestId<'r> {
    /// The name that its route gives it, which others know too.
    Named(&'r str),
    /// A number that was drawn for it when the first line was about it: no request that has none pays for it.
    Drawn(u64),
}

impl RequestId<'_> {
    /// A number for a request; that of hardly any other.
    pub(super) fn draw() -> u64 {
        fastrand::u64(..)
    }
}

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Drawn(number) => write!(f, "{number:016x}"),
        }
    }
}
