//! Why an open tunnel does not move.

use std::fmt;

use strum::VariantArray;

/// Why an open tunnel stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Stays {
    /// One of the two processes moves no tunnels, or they do not write them alike.
    NotAgreed,
    /// Its TLS is 1.2, whose keys nobody can take out.
    Tls12,
    /// It is one of many streams of a connection of HTTP/2.
    Http2,
    /// It ends already, or is told to.
    Ending,
    /// The other process has no such listener, route or endpoint.
    Gone,
    /// There is no room for it in the other process, or no descriptor left for its way there.
    Full,
    /// The other process stops, or hands over itself.
    Busy,
    /// Its worker was held up for too long.
    Late,
    /// The system, or one of the two processes, could not do it; the log says why.
    Failed,
}

impl Stays {
    /// The word for the log, the status and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAgreed => "not_agreed",
            Self::Tls12 => "tls12",
            Self::Http2 => "http2",
            Self::Ending => "ending",
            Self::Gone => "gone",
            Self::Full => "full",
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Failed => "failed",
        }
    }

    /// The one that this word is.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|stays| stays.as_str() == word)
    }
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
