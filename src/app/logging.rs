//! Where log lines go, how they look, and which are written.
//!
//! Lines go to standard error: text for people, JSON for machines. `RUST_LOG` decides over `log.level`, for the whole life
//! of the process; without it, a reload may change the level.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::{error, fmt, io};

use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, warn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{LogFormat, LogLevel, LogSettings};

/// Starts the log of this process; `rust_log` is the value of `RUST_LOG`.
pub fn init_logging(settings: &LogSettings, rust_log: Option<OsString>) -> Result<LogHandle, LogError> {
    let output = if io::stderr().is_terminal() { Output::Terminal } else { Output::Other };
    let (subscriber, handle) = subscriber(settings, rust_log.as_deref(), output, io::stderr)?;
    subscriber.try_init().map_err(|_| LogError::AlreadyStarted)?;
    Ok(handle)
}

/// What a reload may change about the log.
#[derive(Clone, Debug)]
pub struct LogHandle {
    filter: reload::Handle<EnvFilter, Registry>,
    /// What the process was started with.
    format: LogFormat,
    level_from: LevelFrom,
}

impl LogHandle {
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
}

/// Why there is no log.
#[derive(Debug, PartialEq, Eq)]
pub enum LogError {
    /// `RUST_LOG` holds something that is not a filter.
    InvalidRustLog {
        /// The directive that is wrong, or all of the value.
        directive: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something else in this process has started a log.
    AlreadyStarted,
}

impl LogError {
    fn invalid(directive: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidRustLog { directive: directive.into(), problem: problem.into() }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRustLog { directive, problem } => write!(
                f,
                "RUST_LOG: {directive:?} {problem}; write a level (error, warn, info, debug, trace, off) or \
                 TARGET=LEVEL, separated by commas, for example RUST_LOG=warn,windlass=debug"
            ),
            Self::AlreadyStarted => f.write_str("the log of this process was started before"),
        }
    }
}

impl error::Error for LogError {}

/// Who decides about the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LevelFrom {
    RustLog,
    Settings,
}

/// What standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Terminal,
    Other,
}

fn subscriber<W>(
    settings: &LogSettings,
    rust_log: Option<&OsStr>,
    output: Output,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, LogHandle), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, level_from) = match rust_log.filter(|value| !value.is_empty()) {
        Some(value) => (parse_rust_log(value)?, LevelFrom::RustLog),
        None => (filter_for(settings.level), LevelFrom::Settings),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines(settings.format, output, writer));
    Ok((subscriber, LogHandle { filter: handle, format: settings.format, level_from }))
}

fn lines<S, W>(format: LogFormat, output: Output, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Complaining about a closed standard error on standard error would panic.
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    match (format, output) {
        (LogFormat::Text, _) | (LogFormat::Auto, Output::Terminal) => {
            layer.compact().with_ansi(output == Output::Terminal).boxed()
        }
        (LogFormat::Json, _) | (LogFormat::Auto, Output::Other) => {
            layer.json().flatten_event(true).with_span_list(false).boxed()
        }
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
mod tests {
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;
    use tracing::{debug, info};

    use super::*;

    #[test]
    fn the_level_of_the_settings_decides_which_of_our_lines_are_written() {
        let paper = Paper::default();
        let (subscriber, _handle) = paper.start(LogLevel::Info, LogFormat::Text, None);

        with_default(subscriber, || {
            info!("ours");
            debug!("ours, but too much");
            info!(target: "hyper::client", "theirs");
            warn!(target: "hyper::client", "theirs, but needs attention");
        });

        assert_eq!(
            paper.lines_with(&["ours", "ours, but too much", "theirs, but needs attention"]),
            [true, false, true]
        );
        assert_eq!(paper.text().lines().count(), 2);
    }

    #[test]
    fn a_reload_changes_the_level() {
        let paper = Paper::default();
        let (subscriber, handle) = paper.start(LogLevel::Info, LogFormat::Text, None);

        with_default(subscriber, || {
            debug!("before");
            handle.apply(&settings(LogLevel::Debug, LogFormat::Text));
            debug!("between");
            handle.apply(&settings(LogLevel::Warn, LogFormat::Text));
            info!("after");
        });

        assert_eq!(paper.lines_with(&["before", "between", "after"]), [false, true, false]);
    }

    #[test]
    fn rust_log_beats_the_settings_also_after_a_reload() {
        let paper = Paper::default();
        let (subscriber, handle) = paper.start(LogLevel::Error, LogFormat::Text, Some("windlass=info"));

        with_default(subscriber, || {
            info!("before");
            handle.apply(&settings(LogLevel::Error, LogFormat::Text));
            info!("after");
            warn!(target: "hyper", "theirs");
        });

        assert_eq!(paper.lines_with(&["before", "after", "theirs"]), [true, true, false]);
    }

    #[test]
    fn an_empty_rust_log_is_none() {
        let paper = Paper::default();
        let (_subscriber, handle) = paper.start(LogLevel::Info, LogFormat::Text, Some(""));

        assert_eq!(handle.level_from, LevelFrom::Settings);
    }

    #[test]
    fn a_format_that_must_wait_is_named() {
        let paper = Paper::default();
        let (subscriber, handle) = paper.start(LogLevel::Info, LogFormat::Text, None);

        with_default(subscriber, || handle.apply(&settings(LogLevel::Info, LogFormat::Json)));

        assert!(paper.text().contains("log.format"), "{}", paper.text());
    }

    #[test]
    fn auto_is_json_unless_somebody_watches() {
        let line = |format, output| {
            let paper = Paper::default();
            let (subscriber, _handle) =
                subscriber(&settings(LogLevel::Info, format), None, output, paper.clone()).unwrap();
            with_default(subscriber, || info!(route = "chat", "tunnel ended"));
            paper.text()
        };

        let json: serde_json::Value = serde_json::from_str(&line(LogFormat::Auto, Output::Other)).unwrap();
        assert_eq!(json["message"], "tunnel ended");
        assert_eq!(json["route"], "chat");
        assert_eq!(json["level"], "INFO");
        assert!(line(LogFormat::Auto, Output::Terminal).contains('\x1b'));
        assert!(line(LogFormat::Json, Output::Terminal).starts_with('{'));
        let text = line(LogFormat::Text, Output::Other);
        assert!(text.contains("tunnel ended") && !text.contains(['\x1b', '{']), "{text}");
    }

    #[test]
    fn an_invalid_rust_log_is_an_error_that_names_the_directive() {
        let error = |value: &[u8]| {
            parse_rust_log(OsStr::from_bytes(value)).map(|_| ()).expect_err("it should be refused").to_string()
        };

        assert!(error(b"inof").contains("\"inof\" is not a level"));
        assert!(error(b"warn,hyper").contains("\"hyper\" is not a level"));
        assert!(error(b"windlass=loud").contains("is not a filter"));
        assert!(error(b"\xff").contains("is not UTF-8"));
        assert!(error(b"inof").contains("for example RUST_LOG=warn,windlass=debug"));
        for fine in ["info", "off", "WARN,windlass::tunnel=trace", "windlass[session]=debug", "info,"] {
            assert!(parse_rust_log(OsStr::new(fine)).is_ok(), "{fine}");
        }
    }

    fn settings(level: LogLevel, format: LogFormat) -> LogSettings {
        LogSettings { level, format }
    }

    /// What was written.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn start(
            &self,
            level: LogLevel,
            format: LogFormat,
            rust_log: Option<&str>,
        ) -> (impl Subscriber + Send + Sync + use<>, LogHandle) {
            subscriber(&settings(level, format), rust_log.map(OsStr::new), Output::Other, self.clone()).unwrap()
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        /// For each message, whether some line ends with it.
        fn lines_with(&self, messages: &[&str]) -> Vec<bool> {
            let text = self.text();
            messages.iter().map(|message| text.lines().any(|line| line.ends_with(&format!(" {message}")))).collect()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Paper {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }
}
