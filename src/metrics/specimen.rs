//! Metrics of which each has at least one series: what tests hold texts against.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    AllocatorUsage, AuthResult, CertificateEnd, ClientProtocol, CountedTunnel, DrainGauge, EndpointGauge, Exposition,
    Gauges, HandshakeTimes, HandshakesGauge, Metrics, NamesGauge, OrderGauge, ProcessUsage, RefusalKind, ReloadResult,
    SourceGauge, SpanFate, TunnelEnd, TunnelsOpen, Words,
};
use crate::config::{EndpointRole, ListenerName, RouteName};
use crate::drain::Stays;
use crate::snapshot::{EndpointState, HealthCounts, KeyCounts, RetryCounts};
use crate::traffic::{Passed, Second, Traffic};
use crate::websocket::{CloseCode, Direction, Side};

/// Counters of which each has counted something, and gauges of which each has a value.
pub(super) fn everything() -> (Metrics, Gauges) {
    let words = Words {
        refusals: &["no_route", "wrong_password"],
        exchanges: &["complete", "client_left"],
        outcomes: &["drained_reload", "closed"],
        endings: &[("closed", "client", Some(CloseCode::NORMAL))],
        renewals: &["renewed"],
    };
    let metrics = Metrics::new(words, 2);
    let (route, listener) = (RouteName::from("chat"), ListenerName::from("public"));
    metrics.keep_to([&route].into_iter(), |_| true, |_| true);
    let tunnel = CountedTunnel { listener: &listener, route: &route, protocol: ClientProtocol::Http2 };
    metrics.tunnel_opened(tunnel);
    metrics.tunnel_opened(tunnel);
    metrics.tunnel_ended(tunnel, &END);
    metrics.client_came(&route, END.key);
    metrics.client_connected(ClientProtocol::Http2);
    let times =
        HandshakeTimes { tls: Some(MOMENT), waiting: Some(MOMENT), total: 2 * MOMENT, ..HandshakeTimes::default() };
    metrics.opening_took(MOMENT, &times);
    metrics.connected(Duration::from_millis(2));
    metrics.waited(Duration::from_millis(200));
    metrics.refused("no_route", RefusalKind::Request, None);
    metrics.refused("wrong_password", RefusalKind::Authentication, Some(&route));
    metrics.endpoint_tls_failed(&"chat".into(), "name");
    metrics.authorized(AuthResult::Denied);
    metrics.authorized_again(AuthResult::Granted);
    metrics.exchanged((&route, ClientProtocol::Http1), Some(204), "complete", 20 * MOMENT);
    metrics.renewed("renewed");
    metrics.tunnel_lost_inflate_limit();
    metrics.tunnels_moved(37, &[(Stays::Tls12, 2)].into(), Duration::from_millis(4));
    metrics.reloaded(ReloadResult::Unchanged, 1_790_000_100);
    metrics.reloaded(ReloadResult::Refused, 1_790_000_200);
    metrics.spans(SpanFate::Exported, 3);
    let traffic = Traffic::new(1);
    let open = traffic.begin(0, &route);
    let from_client = open.direction(Direction::FromClient);
    from_client.note_passed(Passed { messages: 7, bytes: 700, pings: 2 }, Second::of(Instant::now()));
    from_client.note_size(100);
    open.note_ping_time(Side::Upstream, MOMENT);
    open.note_waiting(Direction::FromUpstream, 100, MOMENT);
    open.note_taken(Direction::FromUpstream, 5 * MOMENT);
    let now = Gauges {
        traffic: traffic.by_route(),
        sources: vec![SourceGauge {
            upstream: "chat".into(),
            source: "dns app.internal:8080".into(),
            age: Some(Duration::from_secs(41)),
            failures: 7,
            refused: 1,
            endpoints: [(EndpointRole::Ready, 2), (EndpointRole::Backup, 0), (EndpointRole::Leaving, 1)],
        }],
        ordered: vec![OrderGauge { name: "chat.test".into(), ends: Some(1_800_000_000), failures: 3 }],
        counting_since: 1_790_000_000,
        generation: 3,
        is_ready: true,
        sessions: 2,
        tunnels: vec![TunnelsOpen { route: "chat".into(), upstream: "chat".into(), endpoint: "a".into(), count: 5 }],
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
            load: 6,
            connect_failures: 4,
            health: HealthCounts { probes_passed: 6, probes_failed: 5, ejections: 2 },
            handshakes: Some(HandshakesGauge { limit: 50, waiting: 17 }),
        }],
        names: NamesGauge { known: 7, failing: 2, oldest: Duration::from_secs(90), answered: 11, failed: 8 },
        keys: vec![("chat".into(), KeyCounts { age: Some(Duration::from_secs(300)), fetched: 12, failed: 2 })],
        waiting: vec![("chat".into(), 3)],
        retries: vec![("chat".into(), RetryCounts { granted: 8, refused: 9 })],
        certificates: [("chat.test", 1_800_000_000), ("chat.test", 1_700_000_000), ("games.test", 1_900_000_000)]
            .map(|(name, ends)| CertificateEnd { listener: "public".into(), name: name.into(), ends })
            .into(),
        time: 1_700_000_001,
        allocator: Some(AllocatorUsage {
            allocated: 1_000_000,
            active: 1_200_000,
            metadata: 300_000,
            resident: 1_600_000,
            retained: 2_000_000,
        }),
        process: ProcessUsage {
            cpu_seconds: Some(1.5),
            resident_bytes: Some(4096),
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
    (metrics, now)
}

const MOMENT: Duration = Duration::from_millis(3);

const END: TunnelEnd = TunnelEnd {
    outcome: "drained_reload",
    by: "windlass",
    code: Some(CloseCode::SERVICE_RESTART),
    life: Duration::from_secs(90),
    quiet: Duration::from_secs(60),
    key: 4711,
};

/// A scrape of them, in the older text.
pub(super) fn scrape() -> String {
    let (metrics, now) = everything();
    metrics.encode(&now, Exposition::Prometheus).unwrap()
}
