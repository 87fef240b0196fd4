//! The places that lines go to: opened before a configuration is served, so that one that cannot be is never lost for it.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use rustix::io::Errno;
use thiserror::Error;

use crate::config::{AccessLogSettings, LogFormat, LogPlace, LogSettings};
use crate::log::{AccessLog, Ink, JOURNAL_SOCKET, Journal, LogFile, Output, Shape, Sink, StreamOutput, Style};

/// Who reads the lines on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogReader {
    /// Somebody at a terminal.
    Person(Ink),
    /// A file, or a program.
    Other,
}

/// What a configuration that is about to be served means for where lines go; `None` where all stays.
#[derive(Debug, Default)]
pub(crate) struct PreparedLog {
    pub(super) sink: Option<Arc<Sink>>,
    pub(super) access: Option<Option<Arc<AccessLog>>>,
}

/// What lines are written to cannot be opened.
#[derive(Debug, Error)]
#[error("log.{key}: cannot open {}: {error}; {}", path.display(), hint(error))]
pub struct LogPlaceError {
    key: &'static str,
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl LogPlaceError {
    pub(super) fn new(key: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self { key, path: path.into(), error }
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "make the folder, and let this user write there",
        io::ErrorKind::PermissionDenied => "let this user write there, or name another file",
        io::ErrorKind::IsADirectory => "name a file in it",
        _ if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            "nothing reads that named pipe, or it is a socket: start first what reads a pipe; a socket is no file"
        }
        _ => "name another file",
    }
}

/// How lines look that go to that place.
pub(crate) fn shape(place: &LogPlace, format: LogFormat, reader: LogReader) -> Shape {
    let reader = if *place == LogPlace::Stderr { reader } else { LogReader::Other };
    match (place, format, reader) {
        (LogPlace::Journald, ..) => Shape::Journal,
        (_, LogFormat::Json, _) | (_, LogFormat::Auto, LogReader::Other) => Shape::Json,
        (_, LogFormat::Text | LogFormat::Auto, LogReader::Person(ink)) => Shape::Terminal(ink),
        (_, LogFormat::Text, LogReader::Other) => Shape::Logfmt,
    }
}

/// The sink of those settings; `stderr` is standard error.
pub(super) fn sink(
    settings: &LogSettings,
    reader: LogReader,
    stderr: impl FnOnce() -> io::Result<Output>,
) -> Result<Sink, LogPlaceError> {
    fn failed(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> LogPlaceError {
        move |error| LogPlaceError::new("to", path, error)
    }
    let output = match &settings.to {
        LogPlace::Stderr => stderr().map_err(failed("standard error"))?,
        LogPlace::Journald => {
            let journal = Journal::new(JOURNAL_SOCKET.into());
            Output::Journal(journal.map_err(failed(JOURNAL_SOCKET))?)
        }
        LogPlace::File(path) => Output::File(LogFile::open(path.clone()).map_err(failed(path))?),
    };
    let style = Style::of_this_process(shape(&settings.to, settings.format, reader));
    Sink::start(style, output).map_err(failed("a thread"))
}

/// The access log of those settings.
pub(super) fn access(settings: &AccessLogSettings, dropped: Counter) -> Result<AccessLog, LogPlaceError> {
    let failed = |error| LogPlaceError::new("access", &settings.path, error);
    let file = LogFile::open(settings.path.clone()).map_err(failed)?;
    AccessLog::start(settings.format, file, dropped).map_err(failed)
}

/// Standard error, by a descriptor of its own: whoever else writes there does not wait for the same lock.
pub(super) fn stderr() -> io::Result<Output> {
    let descriptor = io::stderr().as_fd().try_clone_to_owned()?;
    Ok(Output::Stream(Box::new(StreamOutput::new(descriptor))))
}
