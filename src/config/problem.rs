//! What is wrong with a configuration: where, what, and what to write instead.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where in a configuration file something stands.
///
/// Any two places are equal: where a thing is written is no part of what it means, so settings that only moved to
/// other lines compare as unchanged.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The file as it was named by the operator.
    pub file: PathBuf,
    /// The first character of the thing; `None` is the file as a whole.
    pub position: Option<Position>,
    /// The dotted key, such as `route.chat.path`; empty where there is none.
    pub key: String,
}

impl Place {
    /// Which of two stands first.
    pub(super) fn in_order(&self, other: &Self) -> Ordering {
        (&self.file, self.position).cmp(&(&other.file, other.position))
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl fmt::Display for Place {
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

impl Position {
    /// The position of the byte at `offset`.
    pub(super) fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..source.floor_char_boundary(offset)).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug)]
pub struct Problem {
    place: Place,
    problem: String,
    hint: String,
}

impl Problem {
    /// A problem at `place`, and what the operator may do about it.
    pub fn new(place: Place, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place, problem: problem.into(), hint: hint.into() }
    }

    /// A problem of the file as a whole.
    pub fn of_file(file: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Place { file: file.to_owned(), ..Place::default() }, problem, hint)
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
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
        write!(f, "{}: {}\n    hint: {}", self.place, self.problem, self.hint)
    }
}

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Clone, Debug)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `Ok` where nothing was found.
    ///
    /// # Errors
    /// All of `found`, sorted by where they stand.
    pub fn check(mut found: Vec<Problem>) -> Result<(), Self> {
        if found.is_empty() {
            return Ok(());
        }
        found.sort_by(|a, b| a.place.in_order(&b.place));
        Err(Self(found))
    }

    /// These and `more`.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Problem>) -> Self {
        self.0.extend(more);
        self.0.sort_by(|a, b| a.place.in_order(&b.place));
        self
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = "a = 1\n\"ü€\" = 2\n";
        assert_eq!(Position::of(source, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(source, source.find("= 2").unwrap()), Position { line: 2, column: 6 });
        assert_eq!(Position::of(source, source.len()), Position { line: 3, column: 1 });
        assert_eq!(Position::of(source, source.len() + 9), Position { line: 3, column: 1 });
    }

    #[test]
    fn moving_a_line_is_no_change() {
        let at = |line| Place { position: Some(Position { line, column: 1 }), ..Place::default() };
        assert_eq!(at(1), at(2));
    }
}
