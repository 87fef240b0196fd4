//! Series that were summed for one look, as they are written.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::buckets::Distribution;

/// The labels of a series.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The series of a metric, in their order.
#[derive(Clone, Debug)]
pub(super) struct Rows<V>(Vec<(Labels, V)>);

/// What the value of a series is.
pub(super) trait SeriesValue: fmt::Debug + Send + Sync + 'static {
    /// What its metric is.
    const KIND: MetricType;

    /// Writes it.
    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result;
}

impl<V> Rows<V> {
    /// These, each of them once.
    pub(super) fn new(rows: impl IntoIterator<Item = (Labels, V)>) -> Self {
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self(rows)
    }
}

impl<V: SeriesValue> EncodeMetric for Rows<V> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.0 {
            if labels.is_empty() {
                value.write(&mut encoder)?;
            } else {
                value.write(&mut encoder.encode_family(labels)?)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        V::KIND
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl SeriesValue for u64 {
    const KIND: MetricType = MetricType::Counter;

    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_counter::<NoLabelSet, _, f64>(self, None)
    }
}

impl SeriesValue for i64 {
    const KIND: MetricType = MetricType::Gauge;

    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(self)
    }
}

impl SeriesValue for Distribution {
    const KIND: MetricType = MetricType::Histogram;

    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let buckets: Vec<_> = self.buckets.iter().copied().chain([(f64::INFINITY, self.beyond)]).collect();
        encoder.encode_histogram::<NoLabelSet>(self.sum.as_secs_f64(), self.count(), &buckets, None)
    }
}

/// A count, as gauges have it.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Gauges of these values.
pub(super) fn family<L>(values: impl IntoIterator<Item = (L, i64)>) -> Family<L, Gauge>
where
    L: Clone + std::hash::Hash + Eq,
{
    let family = Family::<L, Gauge>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    family
}
