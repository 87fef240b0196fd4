//! How it stands with certificates that are ordered, as Prometheus reads it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::gauges::OrderGauge;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    name: String,
}

/// Registers what is known of the names that certificates are `ordered` for; nothing where there are none.
pub(super) fn register(ordered: &[OrderGauge], registry: &mut Registry) {
    if ordered.is_empty() {
        return;
    }
    let (failures, ends) = (Family::<NameLabels, Counter>::default(), Family::<NameLabels, Gauge>::default());
    for it in ordered {
        let labels = NameLabels { name: it.name.clone() };
        failures.get_or_create(&labels).inc_by(it.failures);
        ends.get_or_create(&labels).set(it.ends.unwrap_or(0));
    }
    let help = "How often an order for the name, or its renewal, came to nothing";
    registry.register("acme_failures", help, failures);
    let help = "When the certificate that was ordered for the name ends, in seconds since 1970; 0 where there is none";
    registry.register("acme_not_after_seconds", help, ends);
}
