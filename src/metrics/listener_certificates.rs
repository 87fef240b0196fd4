//! The certificates of listeners, as Prometheus reads of them.

use std::collections::BTreeMap;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::gauges::{CertificateEnd, Gauges};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NameLabels {
    listener: String,
    name: String,
}

/// When they end: the first of each listener, and each by its first name. Of several with one name it is the first that ends.
pub(super) fn register(gauges: &Gauges, registry: &mut Registry) {
    let first = Family::<ListenerLabels, Gauge>::default();
    for (listener, ends) in first_ends(&gauges.certificates) {
        first.get_or_create(&ListenerLabels { listener: listener.to_owned() }).set(ends);
    }
    let help = "When the first of the listener's certificates ends, in seconds since 1970";
    registry.register("certificate_not_after_seconds", help, first);
    let by_name = earliest(gauges.certificates.iter().map(|it| ((&it.listener, &it.name), it.ends)));
    let each = Family::<NameLabels, Gauge>::default();
    for ((listener, name), ends) in by_name {
        each.get_or_create(&NameLabels { listener: listener.clone(), name: name.clone() }).set(ends);
    }
    let help = "When the certificate that begins with this name ends, in seconds since 1970";
    registry.register("certificate_expiry_seconds", help, each);
}

/// When the first certificate of each listener ends.
pub(super) fn first_ends(certificates: &[CertificateEnd]) -> BTreeMap<&str, i64> {
    earliest(certificates.iter().map(|it| (&*it.listener, it.ends)))
}

fn earliest<K: Ord>(ends: impl Iterator<Item = (K, i64)>) -> BTreeMap<K, i64> {
    let mut earliest = BTreeMap::new();
    for (key, ends) in ends {
        earliest.entry(key).and_modify(|first: &mut i64| *first = ends.min(*first)).or_insert(ends);
    }
    earliest
}
