//! What clients speak, and how much came of it by each protocol.

use std::sync::atomic::AtomicU64;

use prometheus_client::registry::Registry;

use super::cells::{add, load};
use super::per_worker::PerWorker;
use super::rows::{Labels, Rows};

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientProtocol {
    /// HTTP/1.1, or HTTP/1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

impl ClientProtocol {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    /// The word for logs and metrics: as ALPN has it (RFC 7301).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// The counts of both protocols, of each worker its own.
#[derive(Debug)]
pub(super) struct ClientProtocols(PerWorker<[Counts; ClientProtocol::ALL.len()]>);

/// What came of one protocol.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections that were ever made, and by which it was spoken.
    connections: AtomicU64,
    /// Exchanges that were not refused.
    exchanges: AtomicU64,
    /// Tunnels that were ever opened.
    opened: AtomicU64,
    /// Tunnels that have ended.
    ended: AtomicU64,
    /// Tunnels that came from another process, and those that went to one.
    arrived: AtomicU64,
    left: AtomicU64,
}

impl ClientProtocols {
    /// Of so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self(PerWorker::new(workers))
    }

    /// A connection was made.
    pub(super) fn note_connection(&self, protocol: ClientProtocol) {
        add(&self.mine(protocol).connections, 1);
    }

    /// An exchange has ended.
    pub(super) fn note_exchange(&self, protocol: ClientProtocol) {
        add(&self.mine(protocol).exchanges, 1);
    }

    /// A tunnel has opened.
    pub(super) fn note_opened(&self, protocol: ClientProtocol) {
        add(&self.mine(protocol).opened, 1);
    }

    /// A tunnel goes on here that has opened in another process.
    pub(super) fn note_arrived(&self, protocol: ClientProtocol) {
        add(&self.mine(protocol).arrived, 1);
    }

    /// A tunnel goes on in another process.
    pub(super) fn note_left(&self, protocol: ClientProtocol) {
        add(&self.mine(protocol).left, 1);
    }

    /// A tunnel has ended.
    pub(super) fn note_ended(&self, protocol: ClientProtocol) {
        add(&self.mine(protocol).ended, 1);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let count = |of: fn(&Counts) -> &AtomicU64| {
            Rows::new(ClientProtocol::ALL.map(|protocol| (labels(protocol), self.sum(protocol, of))))
        };
        let help = "Connections of clients, by what they speak";
        registry.register("client_connections", help, count(|counts| &counts.connections));
        let help = "Plain requests that were not refused, by what the client speaks";
        registry.register("client_exchanges", help, count(|counts| &counts.exchanges));
        let help = "Tunnels that were ever opened, by what the client speaks";
        registry.register("client_tunnels_opened", help, count(|counts| &counts.opened));
        let open = ClientProtocol::ALL.map(|protocol| {
            // In this order: none is gone that has not come.
            let gone = self.sum(protocol, |counts| &counts.ended) + self.sum(protocol, |counts| &counts.left);
            let come = self.sum(protocol, |counts| &counts.opened) + self.sum(protocol, |counts| &counts.arrived);
            let open = come.saturating_sub(gone);
            (labels(protocol), i64::try_from(open).unwrap_or(i64::MAX))
        });
        registry.register(
            "client_tunnels_open",
            "Open tunnels of this process, by what the client speaks",
            Rows::new(open),
        );
    }

    fn mine(&self, protocol: ClientProtocol) -> &Counts {
        self.0.mine(Default::default).get(protocol as usize).expect("each protocol has a place")
    }

    fn sum(&self, protocol: ClientProtocol, of: fn(&Counts) -> &AtomicU64) -> u64 {
        self.0.each().filter_map(|counts| counts.get(protocol as usize)).map(|counts| load(of(counts))).sum()
    }
}

fn labels(protocol: ClientProtocol) -> Labels {
    vec![("protocol", protocol.as_str().to_owned())]
}
