//! What a source says: a set, or why it has none.

use std::fmt::Display;

use thiserror::Error;

use super::endpoint_set::{EndpointSet, SetError};

/// What a source says: the whole current set, or why it has none.
pub type Found = Result<EndpointSet, SourceError>;

/// Why a source has no set; in the words of its operator, for it is read in the log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// It cannot be asked, or does not answer.
    #[error("{0}")]
    NoAnswer(String),
    /// What it says is no set of endpoints, and is refused whole.
    #[error("{0}")]
    BadSet(String),
}

impl SourceError {
    /// It cannot be asked, or does not answer, and why.
    pub fn no_answer(why: &dyn Display) -> Self {
        Self::NoAnswer(bounded(why))
    }

    /// What it says is no set, and why.
    pub fn bad_set(why: &dyn Display) -> Self {
        Self::BadSet(bounded(why))
    }
}

impl From<SetError> for SourceError {
    fn from(error: SetError) -> Self {
        Self::bad_set(&error)
    }
}

/// A text, or the beginning of a long one: it may quote what somebody else has written, in the log and wherever one looks.
fn bounded(why: &dyn Display) -> String {
    let mut text = why.to_string();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// How much is said of what is wrong, in bytes.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_beginning_is_said() {
        let said = SourceError::bad_set(&"ä".repeat(LONGEST)).to_string();
        assert_eq!(said, format!("{}…", "ä".repeat(LONGEST / 2)));
        let odd = SourceError::no_answer(&format!("a{}", "ä".repeat(LONGEST))).to_string();
        assert!(odd.len() <= LONGEST + '…'.len_utf8() && odd.ends_with("ä…"));
        assert_eq!(SourceError::bad_set(&"short").to_string(), "short");
    }
}
