//! How endpoints are, and who waits for them, as Prometheus reads it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::gauges::{EndpointGauge, Gauges, HandshakesGauge};
use super::rows::{family, signed};
use crate::snapshot::{EndpointState, HealthCounts};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    upstream: String,
    endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointStateLabels {
    upstream: String,
    endpoint: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProbeLabels {
    upstream: String,
    endpoint: String,
    result: &'static str,
}

impl Gauges {
    /// Registers what is known of endpoints, and of the queues in front of them.
    pub(super) fn register_endpoints(&self, registry: &mut Registry) {
        let draining = self.endpoints.iter().map(|it| (labels(it), i64::from(it.state.is_drained())));
        registry.register("endpoint_draining", "1 while an operator drains the endpoint", family(draining));
        let states = self.endpoints.iter().flat_map(|it| {
            let EndpointLabels { upstream, endpoint } = labels(it);
            EndpointState::words().map(move |state| {
                let labels = EndpointStateLabels { upstream: upstream.clone(), endpoint: endpoint.clone(), state };
                (labels, i64::from(it.state.as_str() == state))
            })
        });
        let help = "1 for the state that the endpoint is in: newcomers are placed on eligible ones";
        registry.register("endpoint_state", help, family(states));
        let load = self.endpoints.iter().map(|it| (labels(it), signed(it.load as u64)));
        let help = "Tunnels that are open on the endpoint, or about to: what placement goes by";
        registry.register("endpoint_load", help, family(load));
        let failures = Family::<EndpointLabels, Counter>::default();
        for endpoint in &self.endpoints {
            failures.get_or_create(&labels(endpoint)).inc_by(endpoint.connect_failures);
        }
        let help = "Connections with the endpoint that came to nothing";
        registry.register("endpoint_connect_failures", help, failures);
        self.register_health(registry);
        self.register_retries(registry);
        self.register_queues(registry);
    }

    fn register_health(&self, registry: &mut Registry) {
        let probes = Family::<ProbeLabels, Counter>::default();
        let ejections = Family::<EndpointLabels, Counter>::default();
        for it in &self.endpoints {
            let HealthCounts { probes_passed, probes_failed, ejections: ejected } = it.health;
            for (result, count) in [("passed", probes_passed), ("failed", probes_failed)] {
                let EndpointLabels { upstream, endpoint } = labels(it);
                probes.get_or_create(&ProbeLabels { upstream, endpoint, result }).inc_by(count);
            }
            ejections.get_or_create(&labels(it)).inc_by(ejected);
        }
        registry.register("endpoint_probes", "Probes of the endpoint, by what came of them", probes);
        let help = "How often the endpoint was ejected because requests failed there in a row";
        registry.register("endpoint_ejections", help, ejections);
    }

    fn register_retries(&self, registry: &mut Registry) {
        let (granted, refused) = <(Family<UpstreamLabels, Counter>, Family<UpstreamLabels, Counter>)>::default();
        for (upstream, counts) in &self.retries {
            let labels = UpstreamLabels { upstream: upstream.to_string() };
            granted.get_or_create(&labels).inc_by(counts.granted);
            refused.get_or_create(&labels).inc_by(counts.refused);
        }
        let help = "Requests that were asked again of another endpoint, after one that may have read them";
        registry.register("retries", help, granted);
        let help = "Requests that were not asked again of another endpoint, because retry_budget was used up";
        registry.register("retries_refused", help, refused);
    }

    fn register_queues(&self, registry: &mut Registry) {
        let of_handshakes = |value: fn(&HandshakesGauge) -> usize| {
            let values = self.endpoints.iter().filter_map(move |it| {
                let labels = EndpointLabels { upstream: it.upstream.to_string(), endpoint: it.endpoint.to_string() };
                Some((labels, signed(value(it.handshakes.as_ref()?) as u64)))
            });
            family(values)
        };
        let help = "How many handshakes may be under way on the endpoint now";
        registry.register("handshakes_limit", help, of_handshakes(|it| it.limit));
        let help = "How many wait for their turn with the endpoint";
        registry.register("handshakes_waiting", help, of_handshakes(|it| it.waiting));
        let places = self
            .waiting
            .iter()
            .map(|(upstream, waiting)| (UpstreamLabels { upstream: upstream.to_string() }, signed(*waiting as u64)));
        let help = "How many wait until an endpoint of the upstream has a place for a tunnel";
        registry.register("places_waiting", help, family(places));
    }
}

fn labels(it: &EndpointGauge) -> EndpointLabels {
    EndpointLabels { upstream: it.upstream.to_string(), endpoint: it.endpoint.to_string() }
}
