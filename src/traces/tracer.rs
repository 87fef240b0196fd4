//! What sessions have of the traces: it begins spans, and takes those that are over.

use std::sync::Arc;

use http::HeaderMap;

use super::queue::{Entrance, TurnedAway};
use super::request_trace::RequestTrace;
use super::sampling::Sampling;
use super::span::Span;
use crate::http::forward::Trust;
use crate::metrics::{Metrics, SpanFate};

/// Where spans begin and go, while traces are taken.
#[derive(Debug)]
pub struct Tracer {
    sampling: Sampling,
    queue: Entrance,
    metrics: Arc<Metrics>,
}

impl Tracer {
    pub(super) fn new(sampling: Sampling, queue: Entrance, metrics: Arc<Metrics>) -> Self {
        Self { sampling, queue, metrics }
    }

    /// The span of a request with these headers, by who is trusted so.
    pub fn begin(&self, headers: &HeaderMap, trust: Trust) -> RequestTrace {
        let random = (fastrand::u128(..), fastrand::u64(..), fastrand::f64());
        RequestTrace::new(self.sampling.begin(headers, trust, random))
    }

    /// Has them exported, one day. Those that find no room are lost, and counted: nobody waits.
    pub fn send(&self, spans: Vec<Span>) {
        for why in spans.into_iter().filter_map(|span| self.queue.enter(span).err()) {
            let fate = match why {
                TurnedAway::Full => SpanFate::QueueFull,
                TurnedAway::Closed => SpanFate::Stopped,
            };
            self.metrics.spans(fate, 1);
        }
    }
}
