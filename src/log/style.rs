//! How lines look.

use tracing::Level;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Which form they have.
    pub shape: Shape,
    /// Whose lines they are.
    pub pid: u32,
}

/// Which form lines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object of JSON a line.
    Json,
    /// logfmt, for a file or a pipe.
    Logfmt,
    /// logfmt, for somebody who watches: what has several lines is shown below its own.
    Terminal(Ink),
    /// A record of the journal of systemd: what people read, and a field for each of the line.
    Journal,
}

/// Whether lines have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// They do.
    Coloured,
    /// They do not.
    Plain,
}

impl Style {
    /// Lines of this process in that form.
    pub fn of_this_process(shape: Shape) -> Self {
        Self { shape, pid: std::process::id() }
    }
}

/// The word for a level in lines for people.
pub(super) fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The number for a level in the journal, as in syslog(3).
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

pub(super) fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

pub(super) const DIM: &str = "\x1b[2m";
pub(super) const RESET: &str = "\x1b[0m";
