//! How often connections with endpoints came to no TLS. An upstream that is gone leaves no series behind.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::config::UpstreamName;

/// Connections with endpoints that came to no TLS, by upstream and a word for why.
#[derive(Debug, Default)]
pub(super) struct TlsFailures(Mutex<BTreeMap<(UpstreamName, &'static str), u64>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TlsFailureLabels {
    upstream: String,
    reason: &'static str,
}

impl TlsFailures {
    /// Counts one.
    pub(super) fn note(&self, upstream: &UpstreamName, reason: &'static str) {
        *self.counts().entry((upstream.clone(), reason)).or_default() += 1;
    }

    /// Forgets those of all upstreams but these.
    pub(super) fn keep(&self, is_kept: impl Fn(&UpstreamName) -> bool) {
        self.counts().retain(|(upstream, _), _| is_kept(upstream));
    }

    /// Each count as a series.
    pub(super) fn series(&self) -> Family<TlsFailureLabels, Counter> {
        let series = Family::<TlsFailureLabels, Counter>::default();
        for ((upstream, reason), count) in &*self.counts() {
            let labels = TlsFailureLabels { upstream: upstream.to_string(), reason };
            series.get_or_create(&labels).inc_by(*count);
        }
        series
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<(UpstreamName, &'static str), u64>> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
