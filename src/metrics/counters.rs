//! The counters.

use std::borrow::Cow;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::authorizations::{AuthResult, Authorizations};
use super::client_protocols::{ClientProtocol, ClientProtocols};
use super::tls_failures::TlsFailures;
use crate::config::UpstreamName;
use crate::websocket::{CloseCode, Direction, Leniency, PerDirection};

/// The counters of the process.
#[derive(Debug)]
pub struct Metrics {
    /// Tunnels that were ever opened.
    pub(super) tunnels_opened: Counter,
    /// Tunnels that ended, by how, by whom, and with which code.
    pub(super) tunnels_ended: Family<EndedLabels, Counter>,
    /// Requests that got an answer of our own, by its reason.
    pub(super) refusals: Family<ReasonLabels, Counter>,
    /// Plain requests that were not refused, by the class of the endpoint's answer, and how they ended.
    pub(super) exchanges: Family<ExchangeLabels, Counter>,
    /// Requests and tunnels that needed a leniency of their route, by what it was.
    pub(super) lenient: Family<WhatLabels, Counter>,
    /// Reloads, by what came of them.
    pub(super) reloads: Family<ResultLabels, Counter>,
    /// Lines of the log that nobody read in time.
    pub(super) log_lines_dropped: Counter,
    /// Data messages of tunnels that have ended.
    pub(super) messages: PerDirection<Counter>,
    /// Bytes of tunnels that have ended.
    pub(super) bytes: PerDirection<Counter>,
    /// From a request to the 101 that answers it.
    pub(super) opening: Histogram,
    /// From the first packet to an endpoint to the connection with it.
    pub(super) connecting: Histogram,
    /// What came of what clients speak.
    pub(super) client_protocols: ClientProtocols,
    /// Questions whether requests may enter.
    pub(super) authorizations: Authorizations,
    /// Connections with endpoints that came to no TLS, by upstream and why.
    pub(super) endpoint_tls_failures: TlsFailures,
    /// How long those waited in a queue who got what they waited for.
    pub(super) waiting: Histogram,
}

/// Every label value that can be told before anything happens: what is counted by them exists from the start, at 0, so that
/// the first event is a change and not the beginning of a series.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The reasons of refusals.
    pub refusals: &'a [&'static str],
    /// How exchanges end.
    pub exchanges: &'a [&'static str],
    /// How tunnels end, by whom, and with which code.
    pub endings: &'a [(&'static str, &'static str, Option<CloseCode>)],
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
pub(super) struct WhatLabels {
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    result: &'static str,
}

impl ResultLabels {
    pub(super) fn new(result: &'static str) -> Self {
        Self { result }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            tunnels_opened: Counter::default(),
            tunnels_ended: Family::default(),
            refusals: Family::default(),
            exchanges: Family::default(),
            lenient: Family::default(),
            reloads: Family::default(),
            messages: PerDirection::default(),
            bytes: PerDirection::default(),
            opening: Histogram::new(SECONDS),
            connecting: Histogram::new(SECONDS),
            client_protocols: ClientProtocols::default(),
            authorizations: Authorizations::default(),
            endpoint_tls_failures: TlsFailures::default(),
            waiting: Histogram::new(SECONDS),
            log_lines_dropped: Counter::default(),
        };
        for result in [ReloadResult::Changed, ReloadResult::Unchanged, ReloadResult::Refused] {
            metrics.reload_counter(result);
        }
        for leniency in Leniency::ALL {
            metrics.lenient.get_or_create_owned(&WhatLabels { what: leniency.as_str() });
        }
        metrics
    }
}

impl Metrics {
    /// Counters that exist at 0 for each of these `words`.
    pub fn new(words: Words<'_>) -> Self {
        let metrics = Self::default();
        for reason in words.refusals {
            metrics.refusals.get_or_create_owned(&ReasonLabels { reason });
        }
        for outcome in words.exchanges {
            for class in CLASSES {
                metrics.exchanges.get_or_create_owned(&ExchangeLabels { class, outcome });
            }
        }
        for &(outcome, by, code) in words.endings {
            metrics.tunnels_ended.get_or_create_owned(&EndedLabels { outcome, by, code: code_label(code) });
        }
        metrics
    }

    /// Counts a tunnel whose two streams were joined.
    pub fn tunnel_opened(&self) {
        self.tunnels_opened.inc();
    }

    /// Counts a client's connection over which this is spoken.
    pub fn client_connected(&self, protocol: ClientProtocol) {
        self.client_protocols.of(protocol).connections.inc();
    }

    /// Counts a question whether a request may enter.
    pub fn authorized(&self, result: AuthResult) {
        self.authorizations.asked(result);
    }

    /// Counts a question whether open tunnels may stay.
    pub fn authorized_again(&self, result: AuthResult) {
        self.authorizations.asked_again(result);
    }

    /// Counts a plain request that was not refused, of a client that speaks this.
    pub fn client_exchanged(&self, protocol: ClientProtocol) {
        self.client_protocols.of(protocol).exchanges.inc();
    }

    /// Counts a tunnel that opens, of a client that speaks this.
    pub fn client_tunnel_opened(&self, protocol: ClientProtocol) {
        self.client_protocols.of(protocol).note_opened();
    }

    /// Counts a tunnel that has ended, of a client that speaks this.
    pub fn client_tunnel_ended(&self, protocol: ClientProtocol) {
        self.client_protocols.of(protocol).note_ended();
    }

    /// A tunnel is about to open, so long after its request came.
    pub fn opening_took(&self, took: Duration) {
        self.opening.observe(took.as_secs_f64());
    }

    /// Counts a connection with an endpoint, which took so long.
    pub fn connected(&self, took: Duration) {
        self.connecting.observe(took.as_secs_f64());
    }

    /// Counts a connection with an endpoint of `upstream` that came to no TLS, by a word for why.
    pub fn endpoint_tls_failed(&self, upstream: &UpstreamName, reason: &'static str) {
        self.endpoint_tls_failures.note(upstream, reason);
    }

    /// Forgets what was counted of upstreams that are gone.
    pub fn keep_upstreams(&self, is_there: impl Fn(&UpstreamName) -> bool) {
        self.endpoint_tls_failures.keep(is_there);
    }

    /// Counts somebody whose waiting in a queue is over, so long after it began, since there is a place or a turn.
    pub fn waited(&self, took: Duration) {
        self.waiting.observe(took.as_secs_f64());
    }

    /// Counts what went through a tunnel in one direction, once it has ended.
    pub fn passed(&self, direction: Direction, messages: u64, bytes: u64) {
        self.messages[direction].inc_by(messages);
        self.bytes[direction].inc_by(bytes);
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
            None => NO_ANSWER,
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(500..=599) => "5xx",
            Some(_) => "other",
        };
        self.exchanges.get_or_create(&ExchangeLabels { class, outcome }).inc();
    }

    /// Counts a request or a tunnel that needed this.
    pub fn lenient(&self, leniency: Leniency) {
        self.lenient.get_or_create(&WhatLabels { what: leniency.as_str() }).inc();
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

/// The class of an exchange to which no endpoint gave an answer.
const NO_ANSWER: &str = "none";

/// The classes of answers that exchanges usually have.
const CLASSES: [&str; 5] = [NO_ANSWER, "2xx", "3xx", "4xx", "5xx"];

/// The borders of what is timed, in seconds: from an endpoint in the next rack to one behind a slow login.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

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
