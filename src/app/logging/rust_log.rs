//! Which events are written: what a level stands for, and what `RUST_LOG` may say.

use std::ffi::OsStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use super::error::LogError;
use crate::config::LogLevel;
use crate::log::TROUBLE;

/// Below `trace`, the libraries under us only say what needs attention. What operators do is told at each of them: whoever sets the level
/// cannot hide it.
pub(super) fn filter_for(level: LogLevel) -> EnvFilter {
    EnvFilter::new(with_trouble(match level {
        LogLevel::Error => "error,windlass::admin::audit=info",
        LogLevel::Warn => "warn,windlass::admin::audit=info",
        LogLevel::Info => "warn,windlass=info",
        LogLevel::Debug => "warn,windlass=debug",
        LogLevel::Trace => "trace",
    }))
}

/// What became of lines is told whatever is filtered: these had passed the filter, and no error is dropped without a word.
fn with_trouble(directives: &str) -> String {
    format!("{directives},{TROUBLE}=warn")
}

pub(super) fn parse_rust_log(value: &OsStr) -> Result<EnvFilter, LogError> {
    let text = value.to_str().ok_or_else(|| LogError::invalid(value.to_string_lossy(), "is not UTF-8"))?;
    for directive in text.split(',').filter(|directive| !directive.is_empty()) {
        // The library takes a lone word for a target: a misspelled level would silence everything else.
        if !directive.contains(['=', '[']) && directive.parse::<LevelFilter>().is_err() {
            return Err(LogError::invalid(directive, "is not a level"));
        }
    }
    EnvFilter::builder()
        .parse(with_trouble(text))
        .map_err(|error| LogError::invalid(text, format!("is not a filter ({error})")))
}
