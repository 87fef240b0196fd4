//! `/log-level`: which lines are written, and how an operator changes that for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::{LogLevel, parse_duration, parse_log_level};

/// `POST /log-level`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogLevelRequest {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// For how long, such as `"10min"`; until somebody says otherwise where it is left out.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// `GET /log-level`, and what came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogLevelStatus {
    /// The level that holds, or what `RUST_LOG` says.
    pub level: String,
    /// `configuration`, `operator` or `RUST_LOG`.
    pub decided_by: String,
    /// The level of the configuration.
    pub configured: String,
    /// When that holds again; `None` where it does, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_in_seconds: Option<u64>,
}

/// The level as it is noted for those who ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedLevel {
    /// As of any time.
    pub status: LogLevelStatus,
    /// When the level of the configuration holds again.
    pub until: Option<Instant>,
}

impl NotedLevel {
    /// What holds now.
    pub fn status(&self) -> LogLevelStatus {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        LogLevelStatus { back_in_seconds: left.map(|left| left.as_secs()), ..self.status.clone() }
    }
}

impl LogLevelRequest {
    /// Which level, and for how long.
    ///
    /// # Errors
    /// What makes no sense.
    pub fn understood(&self) -> Result<(LogLevel, Option<Duration>), String> {
        let level = parse_log_level(&self.level).map_err(|wrong| format!("level: {wrong}"))?;
        let time = self.time.as_deref().map(parse_duration).transpose().map_err(|wrong| format!("for: {wrong}"))?;
        Ok((level, time))
    }
}
