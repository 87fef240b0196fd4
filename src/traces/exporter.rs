//! The task that exports spans, a batch at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::delivery::Courier;
use super::encode::encode;
use super::queue::Exit;
use super::span::{Attribute, Span};
use super::trouble::Trouble;
use super::verdict::{Verdict, pause};
use crate::metrics::{Metrics, SpanFate};
use crate::snapshot::Collector;

/// It takes spans out of the queue, until it is told that no more come. What it still has when it is dropped is lost.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) queue: Exit,
    /// Who takes spans now; `None`: nobody, and what waits still goes to who took them last.
    pub(super) collector: watch::Receiver<Option<Arc<Collector>>>,
    /// Whether the process ends.
    pub(super) is_ending: watch::Receiver<bool>,
    pub(super) courier: Courier,
    pub(super) metrics: Arc<Metrics>,
    pub(super) batch: Vec<Span>,
    pub(super) last: Option<Arc<Collector>>,
    pub(super) trouble: Trouble,
}

impl Exporter {
    /// Exports, until it is told that no more come.
    pub(super) async fn run(mut self) {
        while self.gather().await {
            self.export().await;
        }
    }

    /// Fills a batch; `false` once there is nothing more to come.
    async fn gather(&mut self) -> bool {
        // Whoever tells it lives as long as this is of use.
        let mut until_end = self.is_ending.clone();
        let ending = async move { drop(until_end.wait_for(|is_ending| *is_ending).await) };
        tokio::pin!(ending);
        let first = loop {
            self.follow();
            tokio::select! {
                biased;
                first = self.queue.spans.recv_many(&mut self.batch, MOST_IN_A_BATCH) => break first,
                () = &mut ending => break 0,
                Ok(()) = self.collector.changed() => {}
            }
        };
        let Self { queue: Exit { spans, .. }, batch, .. } = self;
        if first > 0 {
            let deadline = Instant::now() + GATHER_FOR;
            while batch.len() < MOST_IN_A_BATCH {
                let room = MOST_IN_A_BATCH - batch.len();
                tokio::select! {
                    biased;
                    () = &mut ending => break,
                    more = timeout_at(deadline, spans.recv_many(batch, room)) => if !matches!(more, Ok(1..)) { break },
                }
            }
        }
        while batch.len() < MOST_IN_A_BATCH
            && let Ok(span) = spans.try_recv()
        {
            batch.push(span);
        }
        !batch.is_empty()
    }

    /// Whoever takes spans now takes the next batch; where nobody does, the one before is forgotten once it has all that waited, its secrets
    /// and connections with it. Whether it is another one.
    fn follow(&mut self) -> bool {
        let now = self.collector.borrow_and_update().clone();
        let is_wanted = now.is_some() || self.batch.is_empty() && self.queue.spans.is_empty();
        let is_same = now.as_ref().map(Arc::as_ptr) == self.last.as_ref().map(Arc::as_ptr);
        if is_same || !is_wanted {
            return false;
        }
        self.last = now;
        self.trouble.forget();
        true
    }

    /// Sends the batch until it is taken, or never will be.
    async fn export(&mut self) {
        let (mut failed, mut begun) = (0, Instant::now());
        loop {
            if self.follow() {
                (failed, begun) = (0, Instant::now());
            }
            let is_last_attempt = self.collector.borrow().is_none() || *self.is_ending.borrow();
            let Some(collector) = self.last.clone() else { return self.lose(SpanFate::Stopped) };
            let body = Bytes::from(encode(&resource(&collector), &self.batch));
            let (why, hint, said) = match self.courier.deliver(&collector, &body).await {
                Ok((_, Verdict::Taken { refused, said })) => return self.note_taken(refused, said, &collector),
                Ok((status, Verdict::Refused)) => {
                    self.say(&collector, &format!("it answers {status}"), hint_of(status));
                    return self.lose(SpanFate::Refused);
                }
                Ok((status, Verdict::Later(said))) => (format!("it answers {status}"), BUSY, said),
                Err(failure) => (failure.to_string(), UNREACHED, None),
            };
            failed += 1;
            self.say(&collector, &why, hint);
            let pause = pause(failed, said, begun.elapsed(), fastrand::f64());
            let Some(pause) = pause.filter(|_| !is_last_attempt) else { return self.lose(SpanFate::NoAnswer) };
            let mut is_ending = self.is_ending.clone();
            tokio::select! {
                () = sleep(pause) => {}
                _ = is_ending.wait_for(|is_ending| *is_ending) => {}
                Ok(()) = self.collector.changed() => {}
            }
        }
    }

    fn note_taken(&mut self, refused: u64, said: Option<String>, collector: &Collector) {
        let refused = usize::try_from(refused).unwrap_or(usize::MAX).min(self.batch.len());
        let endpoint = collector.settings.endpoint.without_query();
        self.metrics.spans(SpanFate::Exported, self.batch.len() - refused);
        self.clear();
        if refused > 0 {
            self.metrics.spans(SpanFate::Refused, refused);
        }
        if refused > 0 || said.is_some() {
            let why = said.unwrap_or_default();
            if self.trouble.is_new_of_some(&why) {
                tracing::warn!(%endpoint, refused, why, "the collector does not take all spans, or warns; of the next that it says so of nothing is said");
            } else {
                tracing::debug!(%endpoint, refused, why, "the collector does not take all spans still");
            }
        }
        if let Some(lost) = self.trouble.end(self.queue.room.take_turned_away()) {
            tracing::info!(%endpoint, lost, "spans are exported again");
        }
    }

    /// The batch is lost.
    fn lose(&mut self, fate: SpanFate) {
        self.metrics.spans(fate, self.batch.len());
        self.trouble.lose(self.batch.len());
        self.clear();
    }

    fn clear(&mut self) {
        self.queue.room.leave(self.batch.iter().map(Span::weight).sum());
        self.batch.clear();
    }

    /// Says why spans are not taken: once, and again where it is another reason.
    fn say(&mut self, collector: &Collector, why: &str, hint: &str) {
        let endpoint = collector.settings.endpoint.without_query();
        if self.trouble.is_new(why) {
            tracing::warn!(%endpoint, why, hint, "spans cannot be exported; traffic goes on, and what finds no room is lost");
        } else {
            tracing::debug!(%endpoint, why, "spans cannot be exported still");
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let left = self.batch.len() + self.queue.spans.len();
        if left > 0 {
            self.metrics.spans(SpanFate::Stopped, left);
        }
        let lost = self.trouble.lost() + left;
        if lost > 0 {
            let lost = lost + self.queue.room.take_turned_away();
            let endpoint = self.last.as_ref().map(|last| last.settings.endpoint.without_query());
            tracing::warn!(endpoint, lost, "the collector of traces has not taken the last spans; they are lost");
        }
    }
}

/// As whom a collector knows us.
fn resource(collector: &Collector) -> Vec<Attribute> {
    vec![
        ("service.name", collector.settings.service_name.as_str().into()),
        ("service.version", env!("CARGO_PKG_VERSION").into()),
        ("process.pid", u64::from(std::process::id()).into()),
    ]
}

/// What to do about an answer that refuses.
fn hint_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "let [traces] secret_headers say what it asks for",
        404 | 405 => "name the path that takes OTLP over HTTP in traces.endpoint, /v1/traces as a rule",
        415 => "it does not read OTLP in JSON: put an OpenTelemetry Collector before it",
        _ => "its own log says why",
    }
}

const BUSY: &str = "it is asked again; if it goes on, give it more room or lower traces.sample";
const UNREACHED: &str =
    "see that traces.endpoint listens and takes OTLP over HTTP, at port 4318 as a rule (4317 is gRPC)";

/// What OpenTelemetry says.
const MOST_IN_A_BATCH: usize = 512;

/// How long the first of a batch waits for others.
const GATHER_FOR: Duration = Duration::from_secs(1);
