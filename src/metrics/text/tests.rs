//! What everything that is measured looks like to whoever scrapes it.

use std::iter;
use std::time::Duration;

use super::super::specimen::everything;
use super::super::{ClientProtocol, CountedTunnel, TunnelEnd, TunnelsOpen, Words};
use super::*;
use crate::config::RouteName;
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
        r#"windlass_tunnels_ended_total{route="chat",outcome="drained_reload",by="windlass",code="1012"} 1"#,
        r#"windlass_tunnels_ended_total{route="chat",outcome="closed",by="client",code="1000"} 0"#,
        r#"windlass_reconnections_total{route="chat",after="drained_reload"} 1"#,
        r#"windlass_reconnections_total{route="chat",after="closed"} 0"#,
        r#"windlass_listener_tunnels_open{route="chat",listener="public",protocol="h2"} 1"#,
        r#"windlass_tunnel_duration_seconds_bucket{le="61.0",route="chat"} 0"#,
        r#"windlass_tunnel_duration_seconds_bucket{le="300.0",route="chat"} 1"#,
        r#"windlass_tunnel_quiet_seconds_sum{route="chat"} 60.0"#,
        r#"windlass_tunnel_quiet_seconds_bucket{le="+Inf",route="chat"} 1"#,
        r#"windlass_tunnel_opening_seconds_bucket{le="+Inf"} 1"#,
        r#"windlass_handshake_seconds_count{phase="tls"} 1"#,
        r#"windlass_handshake_seconds_bucket{le="0.01",phase="total"} 1"#,
        r#"windlass_route_refusals_total{route="chat",kind="authentication"} 1"#,
        r#"windlass_route_refusals_total{route="chat",kind="request"} 0"#,
        r#"windlass_renewals_total{result="renewed"} 1"#,
        "windlass_reload_last_successful 0",
        "windlass_reload_last_success_timestamp_seconds 1790000100",
        "windlass_reload_last_timestamp_seconds 1790000200",
        r#"windlass_exchange_seconds_bucket{le="0.05",route="chat"} 0"#,
        r#"windlass_exchange_seconds_bucket{le="0.1",route="chat"} 1"#,
        r#"windlass_refusals_total{reason="no_route"} 1"#,
        r#"windlass_authorize_requests_total{result="denied"} 1"#,
        r#"windlass_authorize_requests_total{result="timeout"} 0"#,
        r#"windlass_authorize_rechecks_total{result="granted"} 1"#,
        r#"windlass_authorize_rechecks_total{result="failed"} 0"#,
        r#"windlass_exchanges_total{route="chat",class="2xx",outcome="complete"} 1"#,
        r#"windlass_reloads_total{result="unchanged"} 1"#,
        "windlass_counting_since_seconds 1790000000",
        "windlass_config_generation 3",
        "windlass_ready 1",
        "windlass_sessions_open 2",
        r#"windlass_tunnels_opened_total{route="chat",protocol="h2"} 2"#,
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
        r#"windlass_endpoint_load{upstream="chat",endpoint="a"} 6"#,
        r#"windlass_keys_age_seconds{route="chat"} 300"#,
        r#"windlass_key_fetches_total{route="chat",result="failed"} 2"#,
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
        r#"windlass_tunnel_messages_total{route="chat",direction="from_client"} 7"#,
        r#"windlass_tunnel_bytes_total{route="chat",direction="from_client"} 700"#,
        r#"windlass_tunnel_bytes_total{route="chat",direction="from_upstream"} 0"#,
        r#"windlass_tunnel_pings_total{route="chat",direction="from_client"} 2"#,
        r#"windlass_tunnel_message_size_bytes_bucket{le="64.0",route="chat",direction="from_client"} 0"#,
        r#"windlass_tunnel_message_size_bytes_bucket{le="256.0",route="chat",direction="from_client"} 1"#,
        r#"windlass_tunnel_message_size_bytes_bucket{le="+Inf",route="chat",direction="from_client"} 1"#,
        r#"windlass_tunnel_message_size_bytes_sum{route="chat",direction="from_client"} 100.0"#,
        r#"windlass_tunnel_ping_seconds_bucket{le="0.001024",route="chat",side="upstream"} 0"#,
        r#"windlass_tunnel_ping_seconds_bucket{le="0.004096",route="chat",side="upstream"} 1"#,
        r#"windlass_tunnel_ping_seconds_count{route="chat",side="client"} 0"#,
        r#"windlass_tunnel_held_back_seconds_total{route="chat",direction="from_upstream"} 0.012"#,
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
fn a_route_that_is_gone_is_counted_until_its_last_tunnel_has_ended() {
    let metrics = Metrics::default();
    let (old, other, listener) = ("old".into(), "other".into(), "public".into());
    let tunnel = CountedTunnel { listener: &listener, route: &old, protocol: ClientProtocol::Http1 };
    let end = TunnelEnd {
        outcome: "drained_reload",
        by: "windlass",
        code: None,
        life: Duration::ZERO,
        quiet: Duration::ZERO,
        key: 1,
    };
    let publish = |routes: &[&RouteName]| metrics.keep_to(routes.iter().copied(), |_| true, |_| true);
    let has = |what: &str| metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap().contains(what);
    publish(&[&old, &other]);
    metrics.tunnel_opened(tunnel);
    publish(&[&other]);
    assert!(has(r#"windlass_tunnels_opened_total{route="old",protocol="http/1.1"} 1"#));
    metrics.tunnel_ended(tunnel, &end);
    assert!(has(r#"windlass_tunnels_ended_total{route="old",outcome="drained_reload",by="windlass",code="none"} 1"#));
    publish(&[&other]);
    assert!(!has("old") && has(r#"route="other""#));
    assert_eq!(metrics.endings().iter().map(|ending| ending.count).sum::<u64>(), 1, "sums go on");
}

#[test]
fn a_listener_that_is_gone_is_counted_until_the_last_who_came_through_it_has_left() {
    let metrics = Metrics::default();
    let (route, listener) = ("chat".into(), "old".into());
    let tunnel = CountedTunnel { listener: &listener, route: &route, protocol: ClientProtocol::Http2 };
    let publish = || metrics.keep_to([&route].into_iter(), |_| false, |_| true);
    let has = |what: &str| metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap().contains(what);
    metrics.tunnel_opened(tunnel);
    publish();
    assert!(has(r#"windlass_listener_tunnels_open{route="chat",listener="old",protocol="h2"} 1"#));
    metrics.tunnel_ended(
        tunnel,
        &TunnelEnd { outcome: "closed", by: "client", code: None, life: Duration::ZERO, quiet: Duration::ZERO, key: 1 },
    );
    publish();
    assert!(!has(r#"listener="old""#));
}

#[test]
fn sums_for_people_are_over_all_routes() {
    let (metrics, _) = everything();
    let other = "other".into();
    metrics.exchanged((&other, ClientProtocol::Http1), Some(204), "complete", Duration::ZERO);
    let ended = metrics.endings();
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(
        (ended[0].outcome, ended[0].by, &*ended[0].code, ended[0].count),
        ("drained_reload", "windlass", "1012", 1)
    );
    let complete = metrics.exchanges().into_iter().find(|it| (it.class, it.outcome) == ("2xx", "complete"));
    assert_eq!(complete.map(|it| it.count), Some(2));
    assert_eq!(metrics.refusals(), [("no_route", 1), ("wrong_password", 1)]);
    assert_eq!(metrics.reconnections(), [("drained_reload", 1)]);
    assert_eq!((metrics.opening().count(), metrics.opening().sum), (1, Duration::from_millis(3)));
    let phases: Vec<_> = metrics.phases().into_iter().map(|(phase, spread)| (phase.as_str(), spread.count())).collect();
    assert_eq!(phases, [("tls", 1), ("authorize", 1), ("waiting", 1), ("connect", 1), ("answer", 1), ("total", 1)]);
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
    metrics.keep_to(iter::empty(), |_| true, |upstream| upstream.as_str() == "chat");
    assert_eq!(lines(), [r#"windlass_endpoint_tls_failures_total{upstream="chat",reason="name"} 2"#]);
}

#[test]
fn what_can_be_told_beforehand_exists_from_the_start() {
    let words = Words {
        refusals: &["no_route"],
        exchanges: &["complete", "cut"],
        outcomes: &["idle_timeout"],
        endings: &[("idle_timeout", "windlass", Some(CloseCode::GOING_AWAY))],
        renewals: &["renewal_unknown"],
    };
    let metrics = Metrics::new(words, 1);
    metrics.keep_to([&"chat".into()].into_iter(), |_| true, |_| true);
    let text = metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    for line in [
        r#"windlass_refusals_total{reason="no_route"} 0"#,
        r#"windlass_exchanges_total{route="chat",class="none",outcome="cut"} 0"#,
        r#"windlass_exchanges_total{route="chat",class="5xx",outcome="complete"} 0"#,
        r#"windlass_tunnels_ended_total{route="chat",outcome="idle_timeout",by="windlass",code="1001"} 0"#,
        r#"windlass_reconnections_total{route="chat",after="idle_timeout"} 0"#,
        r#"windlass_renewals_total{result="renewal_unknown"} 0"#,
        r#"windlass_route_refusals_total{route="chat",kind="authentication"} 0"#,
        r#"windlass_tunnel_duration_seconds_count{route="chat"} 0"#,
        r#"windlass_handshake_seconds_count{phase="waiting"} 0"#,
        r#"windlass_lenient_total{what="connection"} 0"#,
        r#"windlass_lenient_total{what="key"} 0"#,
        r#"windlass_lenient_total{what="subprotocol"} 0"#,
        r#"windlass_lenient_total{what="frame_length"} 0"#,
        r#"windlass_lenient_total{what="masked"} 0"#,
        r#"windlass_reloads_total{result="refused"} 0"#,
        r#"windlass_tunnels_opened_total{route="chat",protocol="http/1.1"} 0"#,
        "windlass_tunnel_opening_seconds_count 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis missing from\n{text}");
    }
}
