//! Why a command that asks a running process fails.

use std::process::ExitCode;

use super::output::{FAILED, WRONG, complain};
use crate::admin::AskError;

/// Why a command fails.
#[derive(Debug)]
pub(super) enum Failure {
    /// The configuration file does not say where to ask.
    Wrong(String),
    /// The process did not do it.
    Failed(String),
}

impl Failure {
    pub(super) fn finish(self) -> ExitCode {
        let (text, code) = match self {
            Self::Wrong(text) => (text, WRONG),
            Self::Failed(text) => (text, FAILED),
        };
        complain(&text);
        ExitCode::from(code)
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        Self::Failed(error.to_string())
    }
}
