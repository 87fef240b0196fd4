//! What is wrong with a configuration: where, what, and what to write instead.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use super::units::counted;

/// Where in a configuration file something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceLocation {
    /// The file as it was named by the operator.
    pub file: PathBuf,
    /// The first character of the thing; `None` is the file as a whole.
    pub position: Option<Position>,
    /// The dotted key, such as `route.chat.path`; empty where there is none.
    pub key: String,
}

impl SourceLocation {
    /// Which of two stands first.
    pub(super) fn in_order(&self, other: &Self) -> Ordering {
        (&self.file, self.position).cmp(&(&other.file, other.position))
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        Ok(())
    }
}

/// A line and a column, both counted from 1; columns count characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug)]
pub struct Problem {
    location: SourceLocation,
    problem: String,
    hint: String,
}

impl Problem {
    /// A problem at `location`, and what the operator may do about it.
    pub fn new(location: SourceLocation, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { location, problem: problem.into(), hint: hint.into() }
    }

    /// A problem of the file as a whole.
    pub fn of_file(file: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(SourceLocation { file: file.to_owned(), ..SourceLocation::default() }, problem, hint)
    }

    /// Where it stands.
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write instead.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    hint: {}", self.location, self.problem, self.hint)
    }
}

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Clone, Debug)]
pub struct Problems {
    found: Vec<Problem>,
    /// How many more there are, of which nothing is said.
    unsaid: usize,
}

impl Problems {
    /// `Ok` where nothing was found.
    ///
    /// # Errors
    /// All of `found`, sorted by where they stand.
    pub fn check(mut found: Vec<Problem>) -> Result<(), Self> {
        if found.is_empty() {
            return Ok(());
        }
        found.sort_by(|a, b| a.location.in_order(&b.location));
        Err(Self { found, unsaid: 0 })
    }

    /// These, and so many more of which nothing is said.
    pub(super) fn and_unsaid(self, unsaid: usize) -> Self {
        Self { unsaid, ..self }
    }

    /// These and `more`.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Problem>) -> Self {
        self.found.extend(more);
        self.found.sort_by(|a, b| a.location.in_order(&b.location));
        self
    }

    /// The same of a text that nobody has written as it stands: where in it something is says nothing to anybody.
    #[must_use]
    pub fn without_positions(mut self) -> Self {
        self.found.iter_mut().for_each(|problem| problem.location.position = None);
        self
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { found: vec![problem], unsaid: 0 }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.found.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{problem}")?;
        }
        match self.unsaid {
            0 => Ok(()),
            unsaid => write!(f, "\n\nand {}", counted(unsaid, "more problem")),
        }
    }
}

impl Error for Problems {}

#[cfg(test)]
mod tests {
    use super::super::NotCompared;
    use super::*;

    #[test]
    fn moving_a_line_is_no_change() {
        let at = |line| SourceLocation { position: Some(Position { line, column: 1 }), ..SourceLocation::default() };
        assert_ne!(at(1), at(2));
        assert_eq!(NotCompared(at(1)), NotCompared(at(2)));
    }
}
