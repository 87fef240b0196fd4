//! What a text of the configuration may look like, apart from what it is used for.

use thiserror::Error;

/// A kind of text, and how to read one.
pub(super) struct Syntax<T> {
    /// What it is, with its article.
    pub(super) noun: &'static str,
    /// Valid texts, quoted.
    pub(super) example: &'static str,
    /// The unit that a bare number most likely means; empty where numbers make no sense.
    pub(super) unit: &'static str,
    /// Reads one.
    pub(super) parse: fn(&str) -> Result<T, SyntaxError>,
}

/// Why a text is not of its syntax.
#[derive(Debug, Error)]
#[error("{problem}{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct SyntaxError {
    /// What is wrong.
    pub(super) problem: String,
    /// What to write, where that is more than the examples of the syntax.
    pub(super) hint: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: Some(hint.into()) }
    }

    /// The same, with `example` as its hint where it has none.
    pub(super) fn or_write(self, example: &str) -> Self {
        Self { hint: self.hint.or_else(|| Some(format!("write {example}"))), ..self }
    }
}

impl From<&str> for SyntaxError {
    fn from(problem: &str) -> Self {
        Self { problem: problem.into(), hint: None }
    }
}

impl From<String> for SyntaxError {
    fn from(problem: String) -> Self {
        Self { problem, hint: None }
    }
}
