//! `[log]`, as meant.

use http::HeaderName;

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The most talkative level that is written; `RUST_LOG` overrides it.
    pub level: LogLevel,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// The request headers that stand in the line about a tunnel's end.
    pub headers: Vec<HeaderName>,
}

/// The levels of `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs a person.
    Error,
    /// And what soon may.
    Warn,
    /// And one line per refusal, exchange and ended tunnel.
    Info,
    /// And each step of each session.
    Debug,
    /// And the libraries below us.
    Trace,
}

/// The formats of `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text where standard error is a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
