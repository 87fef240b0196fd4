//! Who decides which lines are written: `RUST_LOG`, an operator for a while, or the configuration.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::rust_log::filter_for;
use crate::admin::{LogLevelStatus, NotedLevel};
use crate::config::LogLevel;

/// Who decides about the level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LevelFrom {
    /// `RUST_LOG`, which says this.
    RustLog(String),
    /// The configuration, and operators.
    Settings,
}

/// Which lines are written, and until when.
#[derive(Debug)]
pub(crate) struct LevelControl {
    filter: reload::Handle<EnvFilter, Registry>,
    from: LevelFrom,
    configured: LogLevel,
    ordered: Option<OrderedLevel>,
}

/// What an operator has ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OrderedLevel {
    level: LogLevel,
    until: Option<Instant>,
}

/// `RUST_LOG` decides.
#[derive(Debug, thiserror::Error)]
#[error(
    "RUST_LOG ({0}) decides about the level for the whole life of the process: start it without that to steer it, or to have log.level decide"
)]
pub(crate) struct DecidedByRustLog(String);

impl LevelControl {
    pub(super) fn new(filter: reload::Handle<EnvFilter, Registry>, from: LevelFrom, configured: LogLevel) -> Self {
        Self { filter, from, configured, ordered: None }
    }

    /// The level that a configuration says, which is being served now. What it says anew holds; where it says the same as before, so does
    /// what an operator has ordered meanwhile.
    pub(super) fn configure(&mut self, level: LogLevel) {
        if level == self.configured {
            return;
        }
        let before = std::mem::replace(&mut self.configured, level);
        if let LevelFrom::RustLog(filter) = &self.from {
            tracing::warn!(to_level = %level, RUST_LOG = filter, "log.level has changed, and has no say: RUST_LOG decides");
            return;
        }
        match self.ordered.take() {
            Some(ordered) => {
                tracing::warn!(to_level = %level, %before, ordered = %ordered.level, "log.level has changed, and what an operator had ordered is over");
            }
            None => tracing::info!(to_level = %level, %before, "log.level has changed"),
        }
        self.set(level);
    }

    /// Has lines of that level written from now on, until the time is over, or for as long as nobody says otherwise.
    ///
    /// # Errors
    /// `RUST_LOG` decides.
    pub(crate) fn order(&mut self, level: LogLevel, time: Option<Duration>) -> Result<(), DecidedByRustLog> {
        if let LevelFrom::RustLog(filter) = &self.from {
            return Err(DecidedByRustLog(filter.clone()));
        }
        // Before: where less is written from now on, it is in the log all the same.
        let for_seconds = time.map(|time| time.as_secs());
        tracing::warn!(to_level = %level, for_seconds, before = %self.level(), "an operator sets the level of the log");
        let until = time.and_then(|time| Instant::now().checked_add(time));
        self.ordered = Some(OrderedLevel { level, until }).filter(|_| until.is_some() || level != self.configured);
        self.set(level);
        Ok(())
    }

    /// Waits until the time of an order is over; for ever, where there is none.
    pub(crate) async fn order_ends(&self) {
        match self.ordered.and_then(|ordered| ordered.until) {
            Some(until) => sleep_until(until).await,
            None => pending().await,
        }
    }

    /// The time of an order is over.
    pub(crate) fn end_order(&mut self) {
        if let Some(ordered) = self.ordered.take() {
            self.set(self.configured);
            tracing::warn!(to_level = %self.configured, before = %ordered.level, "the level of the log is that of the configuration again");
        }
    }

    /// What holds, for those who ask.
    pub(crate) fn noted(&self) -> NotedLevel {
        let (level, decided_by) = match (&self.from, self.ordered) {
            (LevelFrom::RustLog(filter), _) => (filter.clone(), "RUST_LOG"),
            (LevelFrom::Settings, Some(ordered)) => (ordered.level.to_string(), "operator"),
            (LevelFrom::Settings, None) => (self.configured.to_string(), "configuration"),
        };
        let configured = self.configured.to_string();
        let status = LogLevelStatus { level, decided_by: decided_by.into(), configured, back_in_seconds: None };
        NotedLevel { status, until: self.ordered.and_then(|ordered| ordered.until) }
    }

    fn level(&self) -> LogLevel {
        self.ordered.map_or(self.configured, |ordered| ordered.level)
    }

    fn set(&self, level: LogLevel) {
        if let Err(error) = self.filter.reload(filter_for(level)) {
            tracing::warn!(%error, "the level of the log was not changed");
        }
    }
}
