//! Counters and gauges as Prometheus reads them.

use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::counters::Metrics;
use super::exposition::Exposition;
use super::gauges::{EndpointGauge, Gauges, ProcessUsage, TunnelsOpen};
use crate::snapshot::EndpointState;
use crate::websocket::{Direction, PerDirection};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    upstream: String,
    endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointStateLabels {
    upstream: String,
    endpoint: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    listener: String,
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
    pub fn encode(&self, now: &Gauges, exposition: Exposition) -> Result<String, fmt::Error> {
        // Built anew each time: what is gone since then leaves no series behind.
        let mut registry = Registry::default();
        let ours = registry.sub_registry_with_prefix("windlass");
        self.register(ours);
        now.register(ours);
        // Their names are everybody's: dashboards and alerts know them.
        now.process.register(registry.sub_registry_with_prefix("process"));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(exposition.of_open_metrics(text))
    }

    fn register(&self, registry: &mut Registry) {
        let Self { tunnels_opened, tunnels_ended, refusals, exchanges, lenient, reloads, messages, bytes, .. } = self;
        registry.register("tunnels_opened", "Tunnels that were ever opened", tunnels_opened.clone());
        registry.register(
            "tunnels_ended",
            "Tunnels that ended, by how, by whom and with which code",
            tunnels_ended.clone(),
        );
        registry.register(
            "refusals",
            "Requests that windlass answered by itself, and connections that it turned away, by reason",
            refusals.clone(),
        );
        registry.register(
            "exchanges",
            "Plain requests that were not refused, by the class of the answer and how they ended",
            exchanges.clone(),
        );
        let help = "Requests and tunnels that needed what a route with strictness lenient lets pass";
        registry.register("lenient", help, lenient.clone());
        registry.register("reloads", "Reloads, by what came of them", reloads.clone());
        registry.register(
            "log_lines_dropped",
            "Lines of the log that were dropped because nobody read them in time",
            self.log_lines_dropped.clone(),
        );
        let passed = "that passed through tunnels which have ended, by direction";
        registry.register("tunnel_messages", format!("Data messages {passed}"), by_direction(messages));
        registry.register("tunnel_bytes", format!("Bytes {passed}"), by_direction(bytes));
        registry.register("tunnel_opening_seconds", "How long after its request a tunnel opened", self.opening.clone());
        registry.register(
            "endpoint_connecting_seconds",
            "How long connections with endpoints took that came to be",
            self.connecting.clone(),
        );
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        self.register_plain(registry);
        // Not an OpenMetrics info: the older text knows no such kind.
        let build = [(BuildLabels { version: env!("CARGO_PKG_VERSION") }, 1)];
        registry.register("build_info", "Which windlass this is", family(build));
        let here = self.tunnels.iter().map(|it| (tunnel_labels(it), it));
        let elsewhere = self.tunnels_of_predecessors.iter().map(|it| {
            let of_predecessor = ("process", "predecessor".to_owned());
            (tunnel_labels(it).into_iter().chain([of_predecessor]).collect(), it)
        });
        let open = here.chain(elsewhere).map(|(labels, it): (Vec<_>, _)| (labels, signed(it.count as u64)));
        let help =
            "Open tunnels; those of processes that handed over stand apart, and a sum counts them where they are";
        registry.register("tunnels_open", help, family(open));
        let labels = |it: &EndpointGauge| EndpointLabels {
            upstream: it.upstream.to_string(),
            endpoint: it.endpoint.to_string(),
        };
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
        let failures = Family::<EndpointLabels, Counter>::default();
        for endpoint in &self.endpoints {
            failures.get_or_create(&labels(endpoint)).inc_by(endpoint.connect_failures);
        }
        let help = "Connections with the endpoint that came to nothing";
        registry.register("endpoint_connect_failures", help, failures);
        let ends = self
            .certificates
            .iter()
            .map(|(listener, ends)| (CertificateLabels { listener: listener.to_string() }, *ends));
        let help = "When the first of the listener's certificates ends, in seconds since 1970";
        registry.register("certificate_not_after_seconds", help, family(ends));
        let up = self.listeners.iter().map(|(listener, address)| {
            (ListenerLabels { listener: listener.to_string(), address: address.to_string() }, 1)
        });
        registry.register("listener_open", "1 for each listener that accepts", family(up));
        self.register_drains(registry);
    }

    /// What has no labels.
    fn register_plain(&self, registry: &mut Registry) {
        let expired = self.certificates.iter().filter(|(_, ends)| *ends < self.time).count();
        for (name, help, value) in [
            (
                "counting_since_seconds",
                "Unix time since which the counters count; a handoff begins anew",
                self.counting_since,
            ),
            ("config_generation", "Which configuration is served", self.generation),
            ("ready", "1 while new sessions and tunnels are welcome", u64::from(self.is_ready)),
            ("sessions_open", "Connections that are no tunnel", self.sessions as u64),
            ("predecessors", "Processes that handed over and drain still", self.predecessors as u64),
            ("tunnels_max", "How many connections and tunnels there is room for", self.most_tunnels as u64),
            ("certificates_expired", "How many listeners have a certificate that has ended", expired as u64),
        ] {
            registry.register(name, help, constant(signed(value)));
        }
    }

    fn register_drains(&self, registry: &mut Registry) {
        let states = self.drains.iter().flat_map(|it| {
            let state = |state, count: usize| {
                let labels = DrainStateLabels { drain: it.id, cause: it.cause, scope: it.scope.clone(), state };
                (labels, signed(count as u64))
            };
            [state("left", it.left), state("told", it.told), state("closed", it.closed), state("cut", it.cut)]
        });
        registry.register("drain_tunnels", "Tunnels of the drains under way", family(states));
        let ends = self.drains.iter().map(|it| {
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

impl ProcessUsage {
    fn register(&self, registry: &mut Registry) {
        let Self { cpu_seconds, resident_bytes, virtual_bytes, descriptors, most_descriptors, started_at } = *self;
        if let Some(taken) = cpu_seconds {
            registry.register("cpu_seconds", "Time on a core, in seconds", ConstCounter::new(taken));
        }
        for (name, help, value) in [
            ("resident_memory_bytes", "Memory that is really there", resident_bytes),
            ("virtual_memory_bytes", "Addresses that are taken", virtual_bytes),
            ("open_fds", "Open file descriptors", descriptors),
            ("max_fds", "How many file descriptors may be open", most_descriptors),
        ] {
            if let Some(value) = value {
                registry.register(name, help, constant(signed(value)));
            }
        }
        if let Some(began) = started_at {
            let help = "When the process began, in seconds since 1970";
            registry.register("start_time_seconds", help, ConstGauge::new(began));
        }
    }
}

fn by_direction(counters: &PerDirection<Counter>) -> Family<DirectionLabels, Counter> {
    let family = Family::<DirectionLabels, Counter>::default();
    for direction in [Direction::FromClient, Direction::FromUpstream] {
        let labels = DirectionLabels { direction: direction.as_str() };
        family.get_or_create(&labels).inc_by(counters.get(direction).get());
    }
    family
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

    use super::super::{DrainGauge, ReloadResult, TunnelsOpen, Words};
    use super::*;
    use crate::websocket::CloseCode;

    #[test]
    fn says_everything_there_is() {
        let metrics = Metrics::default();
        metrics.tunnel_opened();
        metrics.opening_took(Duration::from_millis(3));
        metrics.connected(Duration::from_millis(2));
        metrics.passed(Direction::FromClient, 7, 700);
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
            most_tunnels: 9000,
            endpoints: vec![EndpointGauge {
                upstream: "chat".into(),
                endpoint: "a".into(),
                state: EndpointState::DRAINED,
                connect_failures: 4,
            }],
            certificates: vec![("public".into(), 1_700_000_000)],
            time: 1_700_000_001,
            process: ProcessUsage {
                cpu_seconds: Some(1.5),
                resident_bytes: None,
                virtual_bytes: Some(8192),
                descriptors: Some(12),
                most_descriptors: Some(1024),
                started_at: Some(1.7e9),
            },
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
        let text = metrics.encode(&now, Exposition::OpenMetrics).unwrap();
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
            r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="drained"} 1"#,
            r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="eligible"} 0"#,
            r#"windlass_listener_open{listener="public",address="127.0.0.1:80"} 1"#,
            r#"windlass_drain_tunnels{drain="1",cause="operator",scope="all",state="told"} 4"#,
            r#"windlass_drain_ends_in_seconds{drain="1",cause="operator",scope="all"} 17"#,
            "windlass_tunnels_max 9000",
            r#"windlass_endpoint_connect_failures_total{upstream="chat",endpoint="a"} 4"#,
            r#"windlass_certificate_not_after_seconds{listener="public"} 1700000000"#,
            "windlass_certificates_expired 1",
            r#"windlass_tunnel_messages_total{direction="from_client"} 7"#,
            r#"windlass_tunnel_bytes_total{direction="from_client"} 700"#,
            r#"windlass_tunnel_bytes_total{direction="from_upstream"} 0"#,
            r#"windlass_tunnel_opening_seconds_bucket{le="0.005"} 1"#,
            r#"windlass_endpoint_connecting_seconds_bucket{le="0.001"} 0"#,
            "process_cpu_seconds_total 1.5",
            "process_open_fds 12",
            "process_max_fds 1024",
            "process_start_time_seconds 1700000000.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis missing from\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        assert!(
            !text.contains("process_resident_memory_bytes"),
            "what cannot be told is no reason to be silent of the rest"
        );
    }

    #[test]
    fn what_is_gone_leaves_no_series_behind() {
        let metrics = Metrics::default();
        let one = TunnelsOpen { route: "old".into(), upstream: "u".into(), endpoint: "e".into(), count: 1 };
        let before = Gauges { tunnels: vec![one], ..Gauges::default() };
        assert!(metrics.encode(&before, Exposition::Prometheus).unwrap().contains("old"));
        assert!(!metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap().contains("old"));
    }
    #[test]
    fn what_can_be_told_beforehand_exists_from_the_start() {
        let words = Words {
            refusals: &["no_route"],
            exchanges: &["complete"],
            endings: &[("idle_timeout", "windlass", Some(CloseCode::GOING_AWAY))],
        };
        let text = Metrics::new(words).encode(&Gauges::default(), Exposition::Prometheus).unwrap();
        for line in [
            r#"windlass_refusals_total{reason="no_route"} 0"#,
            r#"windlass_exchanges_total{class="none",outcome="complete"} 0"#,
            r#"windlass_exchanges_total{class="5xx",outcome="complete"} 0"#,
            r#"windlass_tunnels_ended_total{outcome="idle_timeout",by="windlass",code="1001"} 0"#,
            r#"windlass_lenient_total{what="connection"} 0"#,
            r#"windlass_lenient_total{what="key"} 0"#,
            r#"windlass_lenient_total{what="subprotocol"} 0"#,
            r#"windlass_lenient_total{what="frame_length"} 0"#,
            r#"windlass_lenient_total{what="masked"} 0"#,
            r#"windlass_reloads_total{result="refused"} 0"#,
            r#"windlass_tunnel_messages_total{direction="from_upstream"} 0"#,
            "windlass_tunnels_opened_total 0",
            "windlass_tunnel_opening_seconds_count 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis missing from\n{text}");
        }
    }
}
