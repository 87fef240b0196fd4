//! The counters.

use std::borrow::Cow;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::websocket::CloseCode;

/// The counters of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Tunnels that were ever opened.
    pub(super) tunnels_opened: Counter,
    /// Tunnels that ended, by how, by whom, and with which code.
    pub(super) tunnels_ended: Family<EndedLabels, Counter>,
    /// Requests that got an answer of our own, by its reason.
    pub(super) refusals: Family<ReasonLabels, Counter>,
    /// Plain requests that were not refused, by the class of the endpoint's answer, and how they ended.
    pub(super) exchanges: Family<ExchangeLabels, Counter>,
    /// Reloads, by what came of them.
    pub(super) reloads: Family<ResultLabels, Counter>,
    /// Lines of the log that nobody read in time.
    pub(super) log_lines_dropped: Counter,
}

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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndedLabels {
    outcome: &'static str,
    by: &'static str,
    code: Cow<'static, str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ExchangeLabels {
    class: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    result: &'static str,
}

impl Metrics {
    /// Counts a tunnel whose two streams were joined.
    pub fn tunnel_opened(&self) {
        self.tunnels_opened.inc();
    }

    /// Counts a tunnel that ended: `outcome` and `by` are words, `code` is what stands for it in the log.
    pub fn tunnel_ended(&self, outcome: &'static str, by: &'static str, code: Option<CloseCode>) {
        self.tunnels_ended.get_or_create(&EndedLabels { outcome, by, code: code_label(code) }).inc();
    }

    /// Counts a request that was refused.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a plain request that was not refused: the status of the endpoint's answer, if there was one, and a word for
    /// how it ended.
    pub fn exchanged(&self, status: Option<u16>, outcome: &'static str) {
        let class = match status {
            None => "none",
            Some(100..=199) => "1xx",
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(500..=599) => "5xx",
            Some(_) => "other",
        };
        self.exchanges.get_or_create(&ExchangeLabels { class, outcome }).inc();
    }

    /// Counts a reload.
    pub fn reloaded(&self, result: ReloadResult) {
        self.reload_counter(result).inc();
    }

    /// How many reloads there were.
    pub fn reloads(&self) -> ReloadCounts {
        let count = |result| self.reload_counter(result).get();
        ReloadCounts {
            changed: count(ReloadResult::Changed),
            unchanged: count(ReloadResult::Unchanged),
            refused: count(ReloadResult::Refused),
        }
    }

    /// The counter of log lines that nobody read in time, for whoever drops them.
    pub fn log_lines_dropped(&self) -> Counter {
        self.log_lines_dropped.clone()
    }

    fn reload_counter(&self, result: ReloadResult) -> Counter {
        let result = match result {
            ReloadResult::Changed => "changed",
            ReloadResult::Unchanged => "unchanged",
            ReloadResult::Refused => "refused",
        };
        self.reloads.get_or_create_owned(&ResultLabels { result })
    }
}

/// An application may use two thousand codes of its own: they share two labels.
fn code_label(code: Option<CloseCode>) -> Cow<'static, str> {
    match code.map(CloseCode::get) {
        None => "none".into(),
        Some(3000..=3999) => "3xxx".into(),
        Some(4000..) => "4xxx".into(),
        Some(code) => code.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_applications_share_two_labels() {
        let label = |code| code_label(CloseCode::new(code)).into_owned();
        assert_eq!([1012, 3000, 3999, 4000, 4999].map(label), ["1012", "3xxx", "3xxx", "4xxx", "4xxx"]);
        assert_eq!(code_label(None), "none");
    }

    #[test]
    fn reloads_are_counted_by_what_came_of_them() {
        let metrics = Metrics::default();
        metrics.reloaded(ReloadResult::Changed);
        metrics.reloaded(ReloadResult::Refused);
        metrics.reloaded(ReloadResult::Refused);
        assert_eq!(metrics.reloads(), ReloadCounts { changed: 1, unchanged: 0, refused: 2 });
    }
}
