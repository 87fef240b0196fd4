//! What clients speak, and how much came of it by each protocol.

use std::sync::atomic::{AtomicI64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProtocol {
    /// HTTP/1.1, or HTTP/1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

impl ClientProtocol {
    /// The word for logs and metrics: as ALPN has it (RFC 7301).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// The counts of both protocols.
#[derive(Debug, Default)]
pub(super) struct ClientProtocols {
    http1: Counts,
    http2: Counts,
}

/// What came of one protocol.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections that were ever made, and by which it was spoken.
    pub(super) connections: Counter,
    /// Exchanges that were not refused.
    pub(super) exchanges: Counter,
    /// Tunnels that were ever opened.
    pub(super) tunnels: Counter,
    /// Tunnels that are open.
    open: AtomicI64,
}

impl ClientProtocols {
    /// Those of one.
    pub(super) fn of(&self, protocol: ClientProtocol) -> &Counts {
        match protocol {
            ClientProtocol::Http1 => &self.http1,
            ClientProtocol::Http2 => &self.http2,
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let count = |of: fn(&Counts) -> &Counter| {
            let family = Family::<ProtocolLabels, Counter>::default();
            for protocol in BOTH {
                family.get_or_create_owned(&ProtocolLabels::of(protocol)).inc_by(of(self.of(protocol)).get());
            }
            family
        };
        let connections = count(|counts| &counts.connections);
        registry.register("client_connections", "Connections of clients, by what they speak", connections);
        let exchanges = count(|counts| &counts.exchanges);
        let help = "Plain requests that were not refused, by what the client speaks";
        registry.register("client_exchanges", help, exchanges);
        let tunnels = count(|counts| &counts.tunnels);
        let help = "Tunnels that were ever opened, by what the client speaks";
        registry.register("client_tunnels_opened", help, tunnels);
        let open = Family::<ProtocolLabels, Gauge>::default();
        for protocol in BOTH {
            open.get_or_create_owned(&ProtocolLabels::of(protocol)).set(self.of(protocol).open.load(Ordering::Relaxed));
        }
        registry.register("client_tunnels_open", "Open tunnels of this process, by what the client speaks", open);
    }
}

impl Counts {
    /// A tunnel has opened.
    pub(super) fn note_opened(&self) {
        self.tunnels.inc();
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// A tunnel has ended.
    pub(super) fn note_ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

const BOTH: [ClientProtocol; 2] = [ClientProtocol::Http1, ClientProtocol::Http2];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProtocolLabels {
    protocol: &'static str,
}

impl ProtocolLabels {
    fn of(protocol: ClientProtocol) -> Self {
        Self { protocol: protocol.as_str() }
    }
}
