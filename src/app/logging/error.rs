//! Why there is no log.

use thiserror::Error;

use super::places::LogPlaceError;

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// `RUST_LOG` holds something that is not a filter.
    #[error(
        "RUST_LOG: {directive:?} {problem}; write a level (error, warn, info, debug, trace, off) or TARGET=LEVEL, separated by commas, for example RUST_LOG=warn,windlass=debug"
    )]
    InvalidRustLog {
        /// The directive that is wrong, or all of the value.
        directive: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something else in this process has started a log.
    #[error("the log of this process was started before")]
    AlreadyStarted,
    /// What lines go to cannot be opened.
    #[error(transparent)]
    Place(#[from] LogPlaceError),
}

impl LogError {
    pub(super) fn invalid(directive: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidRustLog { directive: directive.into(), problem: problem.into() }
    }
}
