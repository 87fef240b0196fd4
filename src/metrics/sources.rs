//! How those are who are asked for endpoints, as Prometheus reads it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::gauges::SourceGauge;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    upstream: String,
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RoleLabels {
    upstream: String,
    role: &'static str,
}

/// Registers what is known of `sources`; nothing where there are none.
pub(super) fn register(sources: &[SourceGauge], registry: &mut Registry) {
    if sources.is_empty() {
        return;
    }
    let (ages, endpoints) = (Family::<SourceLabels, Gauge>::default(), Family::<RoleLabels, Gauge>::default());
    let (failures, refused) = (Family::<SourceLabels, Counter>::default(), Family::<SourceLabels, Counter>::default());
    for it in sources {
        let labels = SourceLabels { upstream: it.upstream.to_string(), source: it.source.clone() };
        if let Some(age) = it.age {
            ages.get_or_create(&labels).set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        }
        failures.get_or_create(&labels).inc_by(it.failures);
        refused.get_or_create(&labels).inc_by(it.refused);
        for (role, count) in it.endpoints {
            let labels = RoleLabels { upstream: labels.upstream.clone(), role: role.as_str() };
            endpoints.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    let help = "How long ago the source named the endpoints that are served, or the same again";
    registry.register("discovery_age_seconds", help, ages);
    registry.register("discovery_failures", "How often the source did not answer", failures);
    registry.register("discovery_refused_sets", "Sets of the source that were refused whole", refused);
    registry.register("discovery_endpoints", "Endpoints of the upstream, by what its source says of them", endpoints);
}
