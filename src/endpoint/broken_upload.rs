//! Why a request body ended too early.

use std::error::Error;
use std::fmt;

use crate::judge::Flaw;

/// Why an upload ended too early; the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenUpload {
    /// It sent nothing for too long.
    Stalled,
    /// Its connection ended, or its chunks make no sense.
    Lost,
    /// It has more bytes than its route lets through.
    TooLarge,
    /// It can be read in more than one way.
    Flawed(Flaw),
}

impl fmt::Display for BrokenUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled => f.write_str("the client sent none of its body within body_timeout"),
            Self::Lost => f.write_str("the client's body is broken, or the client is gone"),
            Self::TooLarge => f.write_str("the client's body is larger than max_body"),
            Self::Flawed(flaw) => flaw.fmt(f),
        }
    }
}

impl Error for BrokenUpload {}
