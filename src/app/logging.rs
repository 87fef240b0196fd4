//! The log of this process: where its lines go, how they look, and which are written.
//!
//! Text for people, JSON for machines, through threads of their own. `RUST_LOG` decides over `log.level`, for the whole life of the
//! process; without it, a reload may change the level, and an operator for a while. Everything else of `[log]` a reload changes too.

mod error;
mod foretold;
mod level;
mod places;
mod rust_log;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

pub use self::error::LogError;
pub(super) use self::foretold::foretell;
use self::level::{LevelControl, LevelFrom};
pub use self::places::LogPlaceError;
pub(super) use self::places::{LogReader, shape};
use self::places::{PreparedLog, access, sink, stderr};
use self::rust_log::{filter_for, parse_rust_log};
use crate::config::{LogPlace, LogSettings};
use crate::log::{AccessLog, Ink, Lines, Output, Shape, Sink, retire};
use crate::session::Proxy;

/// What the environment says about the log.
#[derive(Debug, Default)]
pub struct LogEnvironment {
    /// `RUST_LOG`.
    pub rust_log: Option<OsString>,
    /// `NO_COLOR` (no-color.org).
    pub no_color: Option<OsString>,
}

/// Starts the log of this process.
///
/// # Errors
/// `RUST_LOG` makes no sense, or what lines are to go to cannot be opened.
pub fn init_logging(settings: &LogSettings, environment: &LogEnvironment) -> Result<Log, LogError> {
    let is_coloured = environment.no_color.as_ref().is_none_or(|value| value.is_empty());
    let reader = match io::stderr().is_terminal() {
        true => LogReader::Person(if is_coloured { Ink::Coloured } else { Ink::Plain }),
        false => LogReader::Other,
    };
    let (subscriber, log) = start(settings, environment.rust_log.as_deref(), reader, stderr)?;
    subscriber.try_init().map_err(|_| LogError::AlreadyStarted)?;
    // The usual hook would wait for the reader of standard error, on a worker.
    panic::set_hook(Box::new(say_panic));
    Ok(log)
}

/// The log of this process. When it is dropped, what was logged is written still, but a reader who stands still is not
/// waited for for long.
#[derive(Debug)]
pub struct Log {
    pub(super) level: LevelControl,
    sink: Arc<ArcSwap<Sink>>,
    /// Who reads standard error.
    reader: LogReader,
    /// What is served; the access log of it only once there is a proxy.
    settings: LogSettings,
    access: Option<Arc<AccessLog>>,
    /// Where dropped lines are counted.
    counter: Counter,
}

impl Log {
    /// Opens what those settings need that is not open yet.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn prepare(&self, settings: &LogSettings) -> Result<PreparedLog, LogPlaceError> {
        let mut prepared = PreparedLog::default();
        if self.goes_elsewhere(settings) {
            let sink = sink(settings, self.reader, stderr)?;
            sink.queue().count_in(self.counter.clone());
            prepared.sink = Some(Arc::new(sink));
        }
        if self.has_other_access(settings) {
            let opened = settings.access.as_ref().map(|settings| access(settings, self.counter.clone()));
            prepared.access = Some(opened.transpose()?.map(Arc::new));
        }
        Ok(prepared)
    }

    /// Whether [`prepare`](Self::prepare) would open what those settings need, as far as can be seen without doing it; what may keep it
    /// from that, and is not seen before, a line each.
    ///
    /// # Errors
    /// It would not.
    pub(super) fn foretell(&self, settings: &LogSettings) -> Result<Vec<String>, LogPlaceError> {
        let log = self.goes_elsewhere(settings).then_some(&settings.to);
        let access = settings.access.as_ref().filter(|_| self.has_other_access(settings));
        foretell(log, access)
    }

    /// Whether somebody at a terminal reads it, in the words of people.
    pub(super) fn is_read_at_a_terminal(&self) -> bool {
        matches!(shape(&self.settings.to, self.settings.format, self.reader), Shape::Terminal(_))
    }

    /// Whether lines go elsewhere by those settings, or look otherwise: then what they go to is opened, even where it is the same.
    fn goes_elsewhere(&self, settings: &LogSettings) -> bool {
        (&settings.to, settings.format) != (&self.settings.to, self.settings.format)
    }

    /// Whether those settings have another access log, or none.
    fn has_other_access(&self, settings: &LogSettings) -> bool {
        settings.access != self.settings.access
    }

    /// Those settings are served from now on.
    pub(super) fn adopt(&mut self, settings: &LogSettings, prepared: PreparedLog, proxy: &Proxy) {
        if let Some(sink) = prepared.sink {
            tracing::info!(to = %settings.to, "the log goes elsewhere, or looks otherwise, from now on");
            retire(self.sink.swap(sink));
        }
        if let Some(access) = prepared.access {
            proxy.set_access_log(access.clone());
            if let Some(old) = std::mem::replace(&mut self.access, access) {
                retire(old);
            }
        }
        self.settings = settings.clone();
        self.level.configure(settings.level);
    }

    /// Opens every file again: somebody has moved it away.
    pub(super) fn reopen(&self) {
        self.sink.load().reopen();
        if let Some(access) = &self.access {
            access.reopen();
        }
        let is_any = self.access.is_some() || matches!(self.settings.to, LogPlace::File(_));
        // Behind what was ordered: where the log is one of them, it stands in the new one.
        match is_any {
            true => tracing::info!("SIGUSR1: the files of the log are opened again"),
            false => tracing::warn!("SIGUSR1: the log goes to no file, there is none to open again"),
        }
    }

    /// Counts the lines that are dropped because nobody reads them.
    pub(super) fn count_in(&mut self, counter: Counter) {
        self.sink.load().queue().count_in(counter.clone());
        self.counter = counter;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever else has one of them does not let go of it before the process ends.
        if let Some(access) = &self.access {
            access.flush();
        }
        self.sink.load().flush();
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

fn start<O: FnOnce() -> io::Result<Output>>(
    settings: &LogSettings,
    rust_log: Option<&OsStr>,
    reader: LogReader,
    stderr: O,
) -> Result<(impl Subscriber + Send + Sync + use<O>, Log), LogError> {
    let (filter, from) = match rust_log.filter(|value| !value.is_empty()) {
        Some(value) => (parse_rust_log(value)?, LevelFrom::RustLog(value.to_string_lossy().into_owned())),
        None => (filter_for(settings.level), LevelFrom::Settings),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let sink = Arc::new(ArcSwap::from_pointee(sink(settings, reader, stderr)?));
    let subscriber = tracing_subscriber::registry().with(filter).with(Lines::new(Arc::clone(&sink)));
    let level = LevelControl::new(handle, from, settings.level);
    let settings = LogSettings { access: None, ..settings.clone() };
    Ok((subscriber, Log { level, sink, reader, settings, access: None, counter: Counter::default() }))
}

#[cfg(test)]
mod tests;
