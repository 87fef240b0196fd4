//! What did not get out, and is still to be said.

/// How much it matters that a line gets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// It is an error: it is never dropped.
    Error,
    /// It is less.
    Less,
}

/// Which error a line is.
#[derive(Debug)]
pub(super) struct ErrorKind {
    /// Where in the program it is said.
    pub(super) place: &'static str,
    /// What it says.
    pub(super) message: String,
    /// How many errors it stands for.
    pub(super) times: u64,
}

impl ErrorKind {
    /// That of one error, which stands for no others.
    pub(super) fn one(place: &'static str, message: String) -> Self {
        Self { place, message, times: 1 }
    }

    /// That of a line which is no error, and is never asked.
    pub(super) fn none() -> Self {
        Self::one("", String::new())
    }
}

/// Errors of one kind that found no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SummedErrors {
    /// What the first of them said.
    pub(super) message: String,
    pub(super) times: u64,
}

/// What did not get out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// Lines that were dropped.
    pub(super) dropped: u64,
    /// Errors that were summed.
    pub(super) summed: Vec<SummedErrors>,
}

impl Missing {
    /// That as well.
    pub(super) fn add(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.summed.extend(other.summed);
    }
}

/// What is given up with a place that takes no lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GivenUp {
    /// Lines that waited, and are dropped.
    pub(super) dropped: u64,
    /// Errors that waited, as they would have been written: no error is dropped.
    pub(super) errors: Vec<String>,
    /// What had not got out before, and was not said.
    pub(super) before: Missing,
}

impl GivenUp {
    /// A line that is given up with the rest.
    pub(super) fn push(&mut self, urgency: Urgency, line: String) {
        match urgency {
            Urgency::Error => self.errors.push(line),
            Urgency::Less => self.dropped += 1,
        }
    }
}
