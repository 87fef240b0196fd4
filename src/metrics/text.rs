//! Counters and gauges as Prometheus reads them (OpenMetrics text).

use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::counters::Metrics;
use super::gauges::{Gauges, TunnelsOpen};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    upstream: String,
    endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: String,
    address: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DrainLabels {
    drain: u64,
    cause: &'static str,
    scope: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DrainStateLabels {
    drain: u64,
    cause: &'static str,
    scope: String,
    state: &'static str,
}

impl Metrics {
    /// Everything, with `now` as the state of things.
    pub fn encode(&self, now: &Gauges) -> Result<String, fmt::Error> {
        // Built anew each time: what is gone since then leaves no series behind.
        let mut registry = Registry::with_prefix("windlass");
        self.register(&mut registry);
        now.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register(&self, registry: &mut Registry) {
        let Self { tunnels_opened, tunnels_ended, refusals, exchanges, reloads, log_lines_dropped } = self;
        registry.register("tunnels_opened", "Tunnels that were ever opened", tunnels_opened.clone());
        registry.register(
            "tunnels_ended",
            "Tunnels that ended, by how, by whom and with which code",
            tunnels_ended.clone(),
        );
        registry.register("refusals", "Requests that windlass answered by itself, by reason", refusals.clone());
        registry.register(
            "exchanges",
            "Plain requests that were not refused, by the class of the answer and how they ended",
            exchanges.clone(),
        );
        registry.register("reloads", "Reloads, by what came of them", reloads.clone());
        registry.register(
            "log_lines_dropped",
            "Lines of the log that were dropped because nobody read them in time",
            log_lines_dropped.clone(),
        );
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        let Self {
            counting_since,
            generation,
            is_ready,
            sessions,
            tunnels,
            tunnels_of_predecessors,
            predecessors,
            endpoints,
            listeners,
            drains,
        } = self;
        let since = constant(signed(*counting_since));
        let help = "Unix time since which the counters count; a handoff begins anew";
        registry.register("counting_since_seconds", help, since);
        registry.register("config_generation", "Which configuration is served", constant(signed(*generation)));
        registry.register("ready", "1 while new sessions and tunnels are welcome", constant(i64::from(*is_ready)));
        registry.register("sessions_open", "Connections that are no tunnel", constant(signed(*sessions as u64)));
        let here = tunnels.iter().map(|it| (tunnel_labels(it), it));
        let elsewhere = tunnels_of_predecessors.iter().map(|it| {
            let of_predecessor = ("process", "predecessor".to_owned());
            (tunnel_labels(it).into_iter().chain([of_predecessor]).collect(), it)
        });
        let open = here.chain(elsewhere).map(|(labels, it): (Vec<_>, _)| (labels, signed(it.count as u64)));
        let help =
            "Open tunnels; those of processes that handed over stand apart, and a sum counts them where they are";
        registry.register("tunnels_open", help, family(open));
        let count = constant(signed(*predecessors as u64));
        registry.register("predecessors", "Processes that handed over and drain still", count);
        let draining = endpoints.iter().map(|(upstream, endpoint, draining)| {
            let labels = EndpointLabels { upstream: upstream.to_string(), endpoint: endpoint.to_string() };
            (labels, i64::from(*draining))
        });
        registry.register("endpoint_draining", "1 while an operator drains the endpoint", family(draining));
        let up = listeners.iter().map(|(listener, address)| {
            (ListenerLabels { listener: listener.to_string(), address: address.to_string() }, 1)
        });
        registry.register("listener_open", "1 for each listener that accepts", family(up));
        let states = drains.iter().flat_map(|it| {
            let state = |state, count: usize| {
                let labels = DrainStateLabels { drain: it.id, cause: it.cause, scope: it.scope.clone(), state };
                (labels, signed(count as u64))
            };
            [state("left", it.left), state("told", it.told), state("closed", it.closed), state("cut", it.cut)]
        });
        registry.register("drain_tunnels", "Tunnels of the drains under way", family(states));
        let ends = drains.iter().map(|it| {
            let labels = DrainLabels { drain: it.id, cause: it.cause, scope: it.scope.clone() };
            (labels, signed(it.ends_in.as_secs()))
        });
        registry.register("drain_ends_in_seconds", "When what is left of a drain is cut", family(ends));
    }
}

/// No struct: a label that is empty would be written, too.
fn tunnel_labels(open: &TunnelsOpen) -> Vec<(&'static str, String)> {
    let TunnelsOpen { route, upstream, endpoint, .. } = open;
    vec![("route", route.to_string()), ("upstream", upstream.to_string()), ("endpoint", endpoint.to_string())]
}

fn constant(value: i64) -> ConstGauge<i64> {
    ConstGauge::new(value)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn family<L>(values: impl IntoIterator<Item = (L, i64)>) -> Family<L, Gauge>
where
    L: Clone + std::hash::Hash + Eq,
{
    let family = Family::<L, Gauge>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
    family
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{DrainGauge, ReloadResult};
    use super::*;
    use crate::websocket::CloseCode;

    #[test]
    fn says_everything_there_is() {
        let metrics = Metrics::default();
        metrics.tunnel_opened();
        metrics.tunnel_ended("drained_reload", "windlass", Some(CloseCode::SERVICE_RESTART));
        metrics.refused("no_route");
        metrics.exchanged(Some(204), "complete");
        metrics.reloaded(ReloadResult::Unchanged);
        let now = Gauges {
            counting_since: 1_790_000_000,
            generation: 3,
            is_ready: true,
            sessions: 2,
            tunnels: vec![TunnelsOpen {
                route: "chat".into(),
                upstream: "chat".into(),
                endpoint: "a".into(),
                count: 5,
            }],
            tunnels_of_predecessors: vec![TunnelsOpen {
                route: "chat".into(),
                upstream: "chat".into(),
                endpoint: "a".into(),
                count: 39,
            }],
            predecessors: 1,
            endpoints: vec![("chat".into(), "a".into(), true)],
            listeners: vec![("public".into(), ([127, 0, 0, 1], 80).into())],
            drains: vec![DrainGauge {
                id: 1,
                cause: "operator",
                scope: "all".into(),
                left: 5,
                told: 4,
                closed: 3,
                cut: 0,
                ends_in: Duration::from_secs(17),
            }],
        };
        let text = metrics.encode(&now).unwrap();
        for line in [
            r#"windlass_tunnels_ended_total{outcome="drained_reload",by="windlass",code="1012"} 1"#,
            r#"windlass_refusals_total{reason="no_route"} 1"#,
            r#"windlass_exchanges_total{class="2xx",outcome="complete"} 1"#,
            r#"windlass_reloads_total{result="unchanged"} 1"#,
            "windlass_counting_since_seconds 1790000000",
            "windlass_config_generation 3",
            "windlass_ready 1",
            "windlass_sessions_open 2",
            "windlass_tunnels_opened_total 1",
            "windlass_log_lines_dropped_total 0",
            r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="a"} 5"#,
            r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="a",process="predecessor"} 39"#,
            "windlass_predecessors 1",
            r#"windlass_endpoint_draining{upstream="chat",endpoint="a"} 1"#,
            r#"windlass_listener_open{listener="public",address="127.0.0.1:80"} 1"#,
            r#"windlass_drain_tunnels{drain="1",cause="operator",scope="all",state="told"} 4"#,
            r#"windlass_drain_ends_in_seconds{drain="1",cause="operator",scope="all"} 17"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis missing from\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_gone_leaves_no_series_behind() {
        let metrics = Metrics::default();
        let one = TunnelsOpen { route: "old".into(), upstream: "u".into(), endpoint: "e".into(), count: 1 };
        let before = Gauges { tunnels: vec![one], ..Gauges::default() };
        assert!(metrics.encode(&before).unwrap().contains("old"));
        assert!(!metrics.encode(&Gauges::default()).unwrap().contains("old"));
    }
}
