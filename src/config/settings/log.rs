//! `[log]`, as meant.

use std::fmt;
use std::path::PathBuf;

use http::HeaderName;

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The most talkative level that is written; `RUST_LOG` overrides it.
    pub level: LogLevel,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// Where lines go.
    pub to: LogPlace,
    /// Whether a tunnel that opens has a line at `info`; else it has one at `debug`.
    pub opened: bool,
    /// Which exchanges have a line.
    pub exchanges: LoggedExchanges,
    /// The request headers that stand in the line about a tunnel's end.
    pub headers: Vec<HeaderName>,
    /// What else is written, for tools that read what other servers write.
    pub access: Option<AccessLogSettings>,
}

/// Where the lines of the log go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// Standard error.
    Stderr,
    /// The journal of systemd, with a field for each of a line.
    Journald,
    /// The end of a file.
    File(PathBuf),
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stderr => f.write_str("stderr"),
            Self::Journald => f.write_str("journald"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Which exchanges have a line. Refusals and tunnels always have theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedExchanges {
    /// Each.
    All,
    /// Those that failed.
    Failed,
    /// Those that failed, and so many of the others.
    Share(SampleRate),
}

/// How many of several have a line: above 0, 1 at the most, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRate(u32);

/// A second log: a line for each answer and each tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// The file that it is written to.
    pub path: PathBuf,
    /// How its lines look.
    pub format: AccessFormat,
}

/// The formats of `log.access_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessFormat {
    /// The combined log format of Apache and nginx.
    Combined,
    /// One JSON object a line.
    Json,
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

impl LogLevel {
    /// Its word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SampleRate {
    /// Every hundredth.
    pub const HUNDREDTH: Self = Self(10_000);

    /// The share `rate`; `None` where that is none, or one that is too small to be told from 0.
    pub fn new(rate: f64) -> Option<Self> {
        if !(rate > 0.0 && rate <= 1.0) {
            return None;
        }
        let millionths = (rate * MILLION).round() as u32;
        (millionths > 0).then_some(Self(millionths))
    }

    /// The share.
    pub fn get(self) -> f64 {
        f64::from(self.0) / MILLION
    }
}

const MILLION: f64 = 1_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_as_it_was_written() {
        for rate in [1.0, 0.1, 0.01, 0.000_001, 0.25, 0.333_333] {
            assert_eq!(SampleRate::new(rate).map(|rate| rate.get().to_string()), Some(rate.to_string()));
        }
        for none in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY, 1e-9] {
            assert_eq!(SampleRate::new(none), None, "{none}");
        }
    }
}
