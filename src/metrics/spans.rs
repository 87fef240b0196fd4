//! What has become of the spans of traces.

use std::sync::atomic::AtomicU64;

use prometheus_client::registry::Registry;
use strum::VariantArray;

use super::cells::{add, load};
use super::rows::Rows;

/// What has become of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum SpanFate {
    /// The collector has taken it.
    Exported,
    /// Too many waited before it.
    QueueFull,
    /// The collector does not want it.
    Refused,
    /// The collector did not answer, again and again.
    NoAnswer,
    /// The process ended first.
    Stopped,
}

/// How many there were, by what has become of them.
#[derive(Debug, Default)]
pub(super) struct Spans([AtomicU64; SpanFate::VARIANTS.len()]);

impl SpanFate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::QueueFull => "queue_full",
            Self::Refused => "refused",
            Self::NoAnswer => "no_answer",
            Self::Stopped => "stopped",
        }
    }
}

impl Spans {
    /// Counts so many.
    pub(super) fn note(&self, fate: SpanFate, count: usize) {
        if let Some(cell) = self.0.get(fate as usize) {
            add(cell, count as u64);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let rows = SpanFate::VARIANTS.iter().zip(&self.0);
        let rows = rows.map(|(fate, count)| (vec![("result", fate.as_str().to_owned())], load(count)));
        let rows = Rows::new(rows.collect::<Vec<_>>());
        registry.register("spans", "Spans of traces, by what has become of them", rows);
    }
}
