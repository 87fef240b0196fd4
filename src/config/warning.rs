//! What a configuration may say, and most likely does not mean: nothing that keeps it from being served.

use std::fmt;

use super::problem::{Problem, SourceLocation};

/// One thing in a configuration that somebody should look at.
#[derive(Clone, Debug)]
pub struct Warning(Problem);

impl Warning {
    /// A warning about what stands at `location`, and what the operator may do about it.
    pub fn new(location: SourceLocation, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self(Problem::new(location, problem, hint))
    }

    /// Where it stands.
    pub fn location(&self) -> &SourceLocation {
        self.0.location()
    }

    /// What is odd about it.
    pub fn problem(&self) -> &str {
        self.0.problem()
    }

    /// What to write instead.
    pub fn hint(&self) -> &str {
        self.0.hint()
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        format!("{}: {}; {}", self.location(), self.problem(), self.hint())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: warning: {}\n    hint: {}", self.location(), self.problem(), self.hint())
    }
}

/// Every warning about a configuration, in the order of the file; often none.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Vec<Warning>);

impl Warnings {
    /// These and `more`.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Warning>) -> Self {
        self.0.extend(more);
        self.0.sort_by(|a, b| a.location().in_order(b.location()));
        self
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each in one line.
    pub fn lines(&self) -> Vec<String> {
        self.iter().map(Warning::line).collect()
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, warning) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{warning}")?;
        }
        Ok(())
    }
}
