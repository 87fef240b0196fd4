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
        true => Reader::Person(if is_coloured { Ink::Coloured } else { Ink::Plain }),
        false => Reader::Other,
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
pub(super) enum Reader {
    /// Somebody at a terminal.
    Person(Ink),
    /// A file, or a program.
    Other,
}

fn start<W: Write + Send + 'static>(
    settings: &LogSettings,
    rust_log: Option<&OsStr>,
    reader: Reader,
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

pub(super) fn shape(format: LogFormat, reader: Reader) -> Shape {
    match (format, reader) {
        (LogFormat::Json, _) | (LogFormat::Auto, Reader::Other) => Shape::Json,
        (LogFormat::Text | LogFormat::Auto, Reader::Person(ink)) => Shape::Terminal(ink),
        (LogFormat::Text, Reader::Other) => Shape::Logfmt,
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
    use std::os::unix::ffi::OsStrExt;
    use std::sync::Mutex;
    use std::time::Duration;

    use serde_json::Value;
    use tracing::subscriber::with_default;
    use tracing::{debug, info};

    use super::*;

    #[test]
    fn the_level_of_the_settings_decides_which_of_our_lines_are_written() {
        let paper = Paper::default();
        let (subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, None);

        with_default(subscriber, || {
            info!("ours");
            debug!("ours, but too much");
            info!(target: "hyper::client", "theirs");
            warn!(target: "hyper::client", "theirs, but needs attention");
        });

        assert_eq!(
            paper.lines_with(&log, &["ours", "ours, but too much", "theirs, but needs attention"]),
            [true, false, true]
        );
        assert_eq!(paper.all(&log).lines().count(), 2);
    }

    #[test]
    fn what_others_name_stays_apart_and_passes_for_nothing_else() {
        let headers = r#"{"x-trace":"1 x-user=admin\u202e","x-user":"\""}"#;
        let written = |format| {
            let paper = Paper::default();
            let (subscriber, log) = paper.start(LogLevel::Info, format, None);
            with_default(subscriber, || {
                info!(headers, "an object");
                info!(headers = "none", "a text");
            });
            paper.all(&log)
        };

        let lines = written(LogFormat::Json);
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["headers"], serde_json::from_str::<Value>(headers).unwrap());
        assert_eq!(lines[1]["headers"], "none");
        let text = written(LogFormat::Text);
        assert!(text.contains(r#" headers.x-trace="1 x-user=admin\u202e" headers.x-user="\"" "#), "{text}");
        assert!(text.contains(" headers=none "), "{text}");
    }

    #[test]
    fn a_reload_changes_the_level() {
        let paper = Paper::default();
        let (subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, None);

        with_default(subscriber, || {
            debug!("before");
            log.apply(&settings(LogLevel::Debug, LogFormat::Text));
            debug!("between");
            log.apply(&settings(LogLevel::Warn, LogFormat::Text));
            info!("after");
        });

        assert_eq!(paper.lines_with(&log, &["before", "between", "after"]), [false, true, false]);
    }

    #[test]
    fn rust_log_beats_the_settings_also_after_a_reload() {
        let paper = Paper::default();
        let (subscriber, log) = paper.start(LogLevel::Error, LogFormat::Text, Some("windlass=info"));

        with_default(subscriber, || {
            info!("before");
            log.apply(&settings(LogLevel::Error, LogFormat::Text));
            info!("after");
            warn!(target: "hyper", "theirs");
        });

        assert_eq!(paper.lines_with(&log, &["before", "after", "theirs"]), [true, true, false]);
    }

    #[test]
    fn an_empty_rust_log_is_none() {
        let paper = Paper::default();
        let (_subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, Some(""));

        assert_eq!(log.level_from, LevelFrom::Settings);
    }

    #[test]
    fn a_format_that_must_wait_is_named() {
        let paper = Paper::default();
        let (subscriber, log) = paper.start(LogLevel::Info, LogFormat::Text, None);

        with_default(subscriber, || log.apply(&settings(LogLevel::Info, LogFormat::Json)));

        assert!(paper.all(&log).contains("log.format"), "{}", paper.text());
    }

    #[test]
    fn auto_is_json_unless_somebody_watches() {
        let json: Value = serde_json::from_str(&line(LogFormat::Auto, Reader::Other)).unwrap();
        assert_eq!(json["message"], "tunnel ended");
        assert_eq!(json["route"], "chat");
        assert_eq!(json["level"], "INFO");
        assert_eq!(json["pid"], std::process::id());
        assert_eq!(json["field_pid"], 5, "what is not the line's own has another name");
        assert!(json["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(line(LogFormat::Json, Reader::Person(Ink::Coloured)).starts_with('{'));
    }

    #[test]
    fn text_is_logfmt_with_colours_where_somebody_wants_them() {
        let text = line(LogFormat::Text, Reader::Other);
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.starts_with("ts=20"), "{text}");
        let pid = std::process::id();
        let target = module_path!();
        let expected = format!(
            "level=info pid={pid} msg=\"tunnel ended\" route=chat field_pid=5 is_ready=true seconds=0.5 why=\"a \\\"b\\\"\" target={target}\n"
        );
        assert_eq!(rest, expected);
        assert_eq!(line(LogFormat::Auto, Reader::Person(Ink::Plain)).split_once(' ').unwrap().1, expected);
        let coloured = line(LogFormat::Auto, Reader::Person(Ink::Coloured));
        assert!(coloured.contains("\x1b[32minfo\x1b[0m") && coloured.ends_with(&format!("{target}\n")), "{coloured:?}");
    }

    #[test]
    fn several_lines_stand_below_each_other_for_people_only() {
        let said = |reader| written(LogFormat::Text, reader, || warn!(x = 1, "refused:\nfirst\n  \x1b[31msecond"));
        assert!(said(Reader::Other).contains(r#"msg="refused:\nfirst\n  \u001b[31msecond" x=1"#));
        let person = said(Reader::Person(Ink::Plain));
        assert!(person.contains(" msg=refused: x=1 "), "{person}");
        assert!(person.ends_with("\n    first\n      \\u001b[31msecond\n"), "{person}");
    }

    #[test]
    fn no_field_of_anybodys_breaks_a_line() {
        let odd = "\u{9b}31m\u{202e}\u{2028}\n\x1b]0;x\x07";
        let event = || info!(text = odd, shown = %odd, debugged = ?odd, option = Some(odd), "{odd}");
        let json = written(LogFormat::Json, Reader::Other, event);
        assert!(json.is_ascii() && json.lines().count() == 1, "{json:?}");
        let line: Value = serde_json::from_str(&json).unwrap();
        for field in ["text", "shown", "option", "message"] {
            assert_eq!(line[field], odd, "{field}");
        }
        let text = written(LogFormat::Text, Reader::Other, event);
        assert!(text.is_ascii() && text.lines().count() == 1 && !text.contains('\x1b'), "{text:?}");
    }

    fn line(format: LogFormat, reader: Reader) -> String {
        written(format, reader, || {
            info!(route = "chat", pid = 5, is_ready = true, seconds = 0.5, why = %"a \"b\"", "tunnel ended");
        })
    }

    fn written(format: LogFormat, reader: Reader, event: impl FnOnce()) -> String {
        let paper = Paper::default();
        let (subscriber, log) = start(&settings(LogLevel::Info, format), None, reader, paper.clone()).unwrap();
        with_default(subscriber, event);
        drop(log);
        paper.text()
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
        LogSettings { level, format, headers: Vec::new() }
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
        ) -> (impl Subscriber + Send + Sync + use<>, Log) {
            start(&settings(level, format), rust_log.map(OsStr::new), Reader::Other, self.clone()).unwrap()
        }

        /// Everything that was logged.
        fn all(&self, log: &Log) -> String {
            assert!(log.queue.flush(Duration::from_secs(20)));
            self.text()
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        /// For each message, whether some line says it.
        fn lines_with(&self, log: &Log, messages: &[&str]) -> Vec<bool> {
            let text = self.all(log);
            let says = |line: &str, message| {
                line.contains(&format!(" msg={message} ")) || line.contains(&format!(" msg=\"{message}\" "))
            };
            messages.iter().map(|message| text.lines().any(|line| says(line, message))).collect()
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
}
