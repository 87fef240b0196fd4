//! The task that exports spans, a batch at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::delivery::Courier;
use super::encode::encode;
use super::span::{Attribute, Span};
use super::verdict::{Verdict, pause};
use crate::metrics::{Metrics, SpanFate};
use crate::snapshot::Collector;

/// It takes spans out of the queue, until it is told that no more come. What it still has when it is dropped is lost.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) queue: mpsc::Receiver<Span>,
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

/// What was last said of collectors in the log.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Why nothing is taken.
    told: Option<String>,
    /// How many spans were lost since.
    lost: usize,
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
        let Self { queue, is_ending, batch, .. } = self;
        // Whoever tells it lives as long as this is of use.
        let mut until_end = is_ending.clone();
        let ending = async move { drop(until_end.wait_for(|is_ending| *is_ending).await) };
        tokio::pin!(ending);
        let first = tokio::select! {
            biased;
            first = queue.recv_many(batch, MOST_IN_A_BATCH) => first,
            () = &mut ending => 0,
        };
        if first > 0 {
            let deadline = Instant::now() + GATHER_FOR;
            while batch.len() < MOST_IN_A_BATCH {
                let room = MOST_IN_A_BATCH - batch.len();
                tokio::select! {
                    biased;
                    () = &mut ending => break,
                    more = timeout_at(deadline, queue.recv_many(batch, room)) => if !matches!(more, Ok(1..)) { break },
                }
            }
        }
        while batch.len() < MOST_IN_A_BATCH
            && let Ok(span) = queue.try_recv()
        {
            batch.push(span);
        }
        !batch.is_empty()
    }

    /// Sends the batch until it is taken, or never will be.
    async fn export(&mut self) {
        let mut failed = 0;
        loop {
            let now = self.collector.borrow_and_update().clone();
            let is_last_attempt = now.is_none() || *self.is_ending.borrow() || failed + 1 >= MOST_ATTEMPTS;
            self.last = now.or(self.last.take());
            let Some(collector) = self.last.clone() else { return self.lose(SpanFate::Stopped) };
            let body = Bytes::from(encode(&resource(&collector), &self.batch));
            let (why, hint, said) = match self.courier.deliver(&collector, &body).await {
                Ok((_, Verdict::Taken { refused })) => return self.note_taken(refused, &collector),
                Ok((status, Verdict::Refused)) => {
                    self.say(&collector, format!("it answers {status}"), hint_of(status));
                    return self.lose(SpanFate::Refused);
                }
                Ok((status, Verdict::Later(said))) => (format!("it answers {status}"), BUSY, said),
                Err(failure) => (failure.to_string(), UNREACHED, None),
            };
            failed += 1;
            self.say(&collector, why, hint);
            if is_last_attempt {
                return self.lose(SpanFate::NoAnswer);
            }
            let pause = pause(failed, said, fastrand::f64());
            let mut is_ending = self.is_ending.clone();
            tokio::select! {
                () = sleep(pause) => {}
                _ = is_ending.wait_for(|is_ending| *is_ending) => {}
                _ = self.collector.changed() => {}
            }
        }
    }

    fn note_taken(&mut self, refused: u64, collector: &Collector) {
        let refused = usize::try_from(refused).unwrap_or(usize::MAX).min(self.batch.len());
        self.metrics.spans(SpanFate::Exported, self.batch.len() - refused);
        self.batch.clear();
        if refused > 0 {
            self.metrics.spans(SpanFate::Refused, refused);
            self.say(collector, "it refuses some of them".to_owned(), "its own log says why");
            self.trouble.lost += refused;
        } else if self.trouble.told.take().is_some() {
            let lost = std::mem::take(&mut self.trouble.lost);
            let endpoint = collector.settings.endpoint.without_query();
            tracing::info!(%endpoint, lost, "spans are exported again");
        }
    }

    /// The batch is lost.
    fn lose(&mut self, fate: SpanFate) {
        self.metrics.spans(fate, self.batch.len());
        self.trouble.lost += self.batch.len();
        self.batch.clear();
    }

    /// Says why spans are not taken: once, and again where it is another reason.
    fn say(&mut self, collector: &Collector, why: String, hint: &str) {
        let endpoint = collector.settings.endpoint.without_query();
        if self.trouble.told.as_ref() == Some(&why) {
            tracing::debug!(%endpoint, why, "spans cannot be exported still");
            return;
        }
        tracing::warn!(%endpoint, why, hint, "spans cannot be exported; traffic goes on, and what finds no room is lost");
        self.trouble.told = Some(why);
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let left = self.batch.len() + self.queue.len();
        if left > 0 {
            self.metrics.spans(SpanFate::Stopped, left);
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

/// After that, some minutes have passed, more where a collector asked for more, and the next batch may be better: it may be this one
/// that is not answered.
const MOST_ATTEMPTS: u32 = 10;
