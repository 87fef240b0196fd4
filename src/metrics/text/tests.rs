//! What everything that is measured looks like to whoever scrapes it.

use super::super::specimen::everything;
use super::super::{TunnelsOpen, Words};
use super::*;
use crate::websocket::CloseCode;

#[test]
fn says_everything_there_is() {
    let (metrics, now) = everything();
    let text = metrics.encode(&now, Exposition::OpenMetrics).unwrap();
    for line in [
        r#"windlass_discovery_age_seconds{upstream="chat",source="dns app.internal:8080"} 41"#,
        r#"windlass_discovery_failures_total{upstream="chat",source="dns app.internal:8080"} 7"#,
        r#"windlass_discovery_refused_sets_total{upstream="chat",source="dns app.internal:8080"} 1"#,
        r#"windlass_discovery_endpoints{upstream="chat",role="ready"} 2"#,
        r#"windlass_discovery_endpoints{upstream="chat",role="leaving"} 1"#,
        r#"windlass_tunnels_ended_total{outcome="drained_reload",by="windlass",code="1012"} 1"#,
        r#"windlass_refusals_total{reason="no_route"} 1"#,
        r#"windlass_authorize_requests_total{result="denied"} 1"#,
        r#"windlass_authorize_requests_total{result="timeout"} 0"#,
        r#"windlass_authorize_rechecks_total{result="granted"} 1"#,
        r#"windlass_authorize_rechecks_total{result="failed"} 0"#,
        r#"windlass_exchanges_total{class="2xx",outcome="complete"} 1"#,
        r#"windlass_reloads_total{result="unchanged"} 1"#,
        "windlass_counting_since_seconds 1790000000",
        "windlass_config_generation 3",
        "windlass_ready 1",
        "windlass_sessions_open 2",
        "windlass_tunnels_opened_total 1",
        "windlass_log_lines_dropped_total 0",
        r#"windlass_client_connections_total{protocol="http/1.1"} 0"#,
        r#"windlass_client_connections_total{protocol="h2"} 1"#,
        r#"windlass_client_exchanges_total{protocol="http/1.1"} 1"#,
        r#"windlass_client_tunnels_opened_total{protocol="h2"} 2"#,
        r#"windlass_client_tunnels_open{protocol="h2"} 1"#,
        r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="a"} 5"#,
        r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="a",process="predecessor"} 39"#,
        "windlass_predecessors 1",
        r#"windlass_endpoint_draining{upstream="chat",endpoint="a"} 1"#,
        r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="drained"} 1"#,
        r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="eligible"} 0"#,
        r#"windlass_listener_open{listener="public",address="127.0.0.1:80"} 1"#,
        r#"windlass_drain_tunnels{drain="1",cause="operator",scope="all",state="told"} 4"#,
        r#"windlass_drain_ends_in_seconds{drain="1",cause="operator",scope="all"} 17"#,
        r#"windlass_name_lookups_total{result="answered"} 11"#,
        r#"windlass_name_lookups_total{result="failed"} 8"#,
        "windlass_names_known 7",
        "windlass_names_failing 2",
        "windlass_names_stale_seconds 90",
        "windlass_tunnels_max 9000",
        r#"windlass_handshakes_limit{upstream="chat",endpoint="a"} 50"#,
        r#"windlass_handshakes_waiting{upstream="chat",endpoint="a"} 17"#,
        r#"windlass_places_waiting{upstream="chat"} 3"#,
        r#"windlass_retries_total{upstream="chat"} 8"#,
        r#"windlass_retries_refused_total{upstream="chat"} 9"#,
        r#"windlass_queue_waiting_seconds_bucket{le="0.25"} 1"#,
        r#"windlass_endpoint_connect_failures_total{upstream="chat",endpoint="a"} 4"#,
        r#"windlass_endpoint_probes_total{upstream="chat",endpoint="a",result="passed"} 6"#,
        r#"windlass_endpoint_probes_total{upstream="chat",endpoint="a",result="failed"} 5"#,
        r#"windlass_endpoint_ejections_total{upstream="chat",endpoint="a"} 2"#,
        r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="down"} 0"#,
        r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="ejected"} 0"#,
        r#"windlass_acme_failures_total{name="chat.test"} 3"#,
        r#"windlass_acme_not_after_seconds{name="chat.test"} 1800000000"#,
        r#"windlass_certificate_not_after_seconds{listener="public"} 1700000000"#,
        r#"windlass_certificate_expiry_seconds{listener="public",name="chat.test"} 1700000000"#,
        r#"windlass_certificate_expiry_seconds{listener="public",name="games.test"} 1900000000"#,
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
    let process = ProcessUsage { resident_bytes: None, ..now.process };
    let text = metrics.encode(&Gauges { process, ..now }, Exposition::OpenMetrics).unwrap();
    assert!(!text.contains("process_resident_memory_bytes") && text.contains("process_open_fds"), "{text}");
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
fn an_upstream_that_is_gone_leaves_no_failure_of_tls_behind() {
    let metrics = Metrics::default();
    let lines = || {
        let text = metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("windlass_endpoint_tls_failures_total{"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for upstream in ["old", "chat", "chat"] {
        metrics.endpoint_tls_failed(&upstream.into(), "name");
    }
    assert_eq!(lines().len(), 2);
    metrics.keep_upstreams(|upstream| upstream.as_str() == "chat");
    assert_eq!(lines(), [r#"windlass_endpoint_tls_failures_total{upstream="chat",reason="name"} 2"#]);
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
