//! Where log lines go, how they look, and which are written.
//!
//! Lines go to standard error, through a thread of their own: text for people, JSON for machines. `RUST_LOG` decides over
//! `log.level`, for the whole life of the process; without it, a reload may change the level.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::{LogFormat, LogLevel, LogSettings};
use crate::log::{Ink, Lines, Queue, Shape, Style, Writer};
use crate::metrics::Metrics;

/// What the environment says about the log.
#[derive(Debug, Default)]
pub struct LogEnvironment {
    /// `RUST_LOG`.
    pub rust_log: Option<OsString>,
    /// `NO_COLOR` (no-color.org).
    pub no_color: Option<OsString>,
}

/// Starts the log of this process, on standard error.
pub fn init_logging(settings: &LogSettings, environment: &LogEnvironment) -> Result<Log, LogError> {
    // A descriptor of its own: whoever else writes to standard error does not wait for the same lock.
    let output = io::stderr().as_fd().try_clone_to_owned().map(File::from).map_err(LogError::System)?;
    let is_coloured = environment.no_color.as_ref().is_none_or(|value| value.is_empty());
    let reader = match output.is_terminal() {
        true => LogReader::Person(if is_coloured { Ink::Coloured } else { Ink::Plain }),
        false => LogReader::Other,
    };
    let (subscriber, log) = start(settings, environment.rust_log.as_deref(), reader, output)?;
    subscriber.try_init().map_err(|_| LogError::AlreadyStarted)?;
    // The usual hook would wait for the reader of standard error, on a worker.
    panic::set_hook(Box::new(say_panic));
    Ok(log)
}

/// The log of this process. When it is dropped, what was logged is written still, but a reader who stands still is not
/// waited for for long.
#[derive(Debug)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    /// What the process was started with.
    format: LogFormat,
    level_from: LevelFrom,
    queue: Arc<Queue>,
    _writer: Writer,
}

impl Log {
    /// Takes over the level of `settings`, unless `RUST_LOG` decides; says so if the format waits for the next start.
    pub fn apply(&self, settings: &LogSettings) {
        if self.level_from == LevelFrom::Settings
            && let Err(error) = self.filter.reload(filter_for(settings.level))
        {
            warn!(%error, "log.level was not changed");
        }
        if self.format != settings.format {
            warn!("log.format changed, which takes effect at the next start");
        }
    }

    /// Counts the lines that are dropped because nobody reads them.
    pub(super) fn count_in(&self, metrics: &Metrics) {
        self.queue.count_in(metrics.log_lines_dropped());
    }
}

fn say_panic(panic: &PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("something that is no text");
    let location = panic.location().map(tracing::field::display);
    let trace = Backtrace::capture();
    let backtrace = (trace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(&trace));
    let thread = std::thread::current();
    tracing::error!(thread = thread.name(), location, said, backtrace, "a thread panicked: please report this");
}

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
    /// The system refuses a thread or a descriptor.
    #[error("cannot start the log: {0}")]
    System(#[source] io::Error),
}

impl LogError {
    fn invalid(directive: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidRustLog { directive: directive.into(), problem: problem.into() }
    }
}

/// Who decides about the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LevelFrom {
    RustLog,
    Settings,
}

/// Who reads the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogReader {
    /// Somebody at a terminal.
    Person(Ink),
    /// A file, or a program.
    Other,
}

fn start<W: Write + Send + 'static>(
    settings: &LogSettings,
    rust_log: Option<&OsStr>,
    reader: LogReader,
    output: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Log), LogError> {
    let (filter, level_from) = match rust_log.filter(|value| !value.is_empty()) {
        Some(value) => (parse_rust_log(value)?, LevelFrom::RustLog),
        None => (filter_for(settings.level), LevelFrom::Settings),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let style = Style { shape: shape(settings.format, reader), pid: std::process::id() };
    let queue = Arc::new(Queue::default());
    let writer = Writer::start(Arc::clone(&queue), style, output).map_err(LogError::System)?;
    let subscriber = tracing_subscriber::registry().with(filter).with(Lines::new(style, Arc::clone(&queue)));
    Ok((subscriber, Log { filter: handle, format: settings.format, level_from, queue, _writer: writer }))
}

pub(super) fn shape(format: LogFormat, reader: LogReader) -> Shape {
    match (format, reader) {
        (LogFormat::Json, _) | (LogFormat::Auto, LogReader::Other) => Shape::Json,
        (LogFormat::Text | LogFormat::Auto, LogReader::Person(ink)) => Shape::Terminal(ink),
        (LogFormat::Text, LogReader::Other) => Shape::Logfmt,
    }
}

/// Below `trace`, the libraries under us only say what needs attention.
fn filter_for(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,windlass=info",
        LogLevel::Debug => "warn,windlass=debug",
        LogLevel::Trace => "trace",
    })
}

fn parse_rust_log(value: &OsStr) -> Result<EnvFilter, LogError> {
    let text = value.to_str().ok_or_else(|| LogError::invalid(value.to_string_lossy(), "is not UTF-8"))?;
    for directive in text.split(',').filter(|directive| !directive.is_empty()) {
        // The library takes a lone word for a target: a misspelled level would silence everything else.
        if !directive.contains(['=', '[']) && directive.parse::<LevelFilter>().is_err() {
            return Err(LogError::invalid(directive, "is not a level"));
        }
    }
    EnvFilter::builder().parse(text).map_err(|error| LogError::invalid(text, format!("is not a filter ({error})")))
}

#[cfg(test)]
mod tests;
