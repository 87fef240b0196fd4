//! Reloads: how many, and what came of the last one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::cells::{add, load};
use super::rows::Rows;

/// What came of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    /// Another configuration is served since.
    Changed,
    /// The configuration was the same.
    Unchanged,
    /// It was refused.
    Refused,
}

/// How many reloads there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadCounts {
    /// Those that changed something.
    pub changed: u64,
    /// Those that changed nothing.
    pub unchanged: u64,
    /// Those that were refused.
    pub refused: u64,
}

/// What became of reloads.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    changed: AtomicU64,
    unchanged: AtomicU64,
    refused: AtomicU64,
    /// When the last one was that was not refused, and the last one, in seconds since 1970; 0: there was none.
    last_good: AtomicU64,
    last: AtomicU64,
    /// Whether the last one was refused.
    is_refused: AtomicBool,
}

impl Reloads {
    /// Counts one, at this time.
    pub(super) fn note(&self, result: ReloadResult, unix_seconds: u64) {
        let count = match result {
            ReloadResult::Changed => &self.changed,
            ReloadResult::Unchanged => &self.unchanged,
            ReloadResult::Refused => &self.refused,
        };
        add(count, 1);
        if result != ReloadResult::Refused {
            self.last_good.store(unix_seconds, Ordering::Relaxed);
        }
        self.last.store(unix_seconds, Ordering::Relaxed);
        self.is_refused.store(result == ReloadResult::Refused, Ordering::Relaxed);
    }

    /// How many there were.
    pub(super) fn counts(&self) -> ReloadCounts {
        ReloadCounts { changed: load(&self.changed), unchanged: load(&self.unchanged), refused: load(&self.refused) }
    }

    /// Registers them; the start of the process, at this time, is a reload that was good.
    pub(super) fn register(&self, started: u64, registry: &mut Registry) {
        let ReloadCounts { changed, unchanged, refused } = self.counts();
        let rows = [("changed", changed), ("unchanged", unchanged), ("refused", refused)];
        let rows = rows.map(|(result, count)| (vec![("result", result.to_owned())], count));
        registry.register("reloads", "Reloads, by what came of them", Rows::new(rows));
        let (good, last) = (load(&self.last_good).max(started), load(&self.last).max(started));
        let gauge = |value: u64| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        let help = "1 where the last reload, or the start, was not refused";
        registry.register("reload_last_successful", help, gauge(u64::from(!self.is_refused.load(Ordering::Relaxed))));
        let help = "When a configuration was last read and not refused, in seconds since 1970";
        registry.register("reload_last_success_timestamp_seconds", help, gauge(good));
        let help = "When one was last read, in seconds since 1970";
        registry.register("reload_last_timestamp_seconds", help, gauge(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reloads_are_counted_by_what_came_of_them() {
        let reloads = Reloads::default();
        for (result, at) in [(ReloadResult::Changed, 7), (ReloadResult::Refused, 8), (ReloadResult::Refused, 9)] {
            reloads.note(result, at);
        }
        assert_eq!(reloads.counts(), ReloadCounts { changed: 1, unchanged: 0, refused: 2 });
        assert_eq!((load(&reloads.last_good), load(&reloads.last)), (7, 9));
        assert!(reloads.is_refused.load(Ordering::Relaxed));
    }
}
