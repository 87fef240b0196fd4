//! How long handshakes took whose tunnels opened, by their phases.

use std::time::Duration;

use prometheus_client::registry::Registry;

use super::buckets::{Buckets, Distribution, WAITS};
use super::per_worker::PerWorker;
use super::rows::Rows;

/// A part of the time from the accept of a client's connection to its 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakePhase {
    /// Its TLS handshake, where its request is the first on its connection.
    Tls,
    /// Whether it may enter: passwords, tokens, and what another server says.
    Authorize,
    /// In the queues for a place and a turn.
    Waiting,
    /// Connecting to endpoints, those too that could not be.
    Connect,
    /// From our request to the head of the endpoint's answer, those too that were left for the next.
    Answer,
    /// All of it: from the accept where it is the first on its connection, else from its request.
    Total,
}

/// How long the parts of one handshake took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandshakeTimes {
    /// `None`: there was none for it.
    pub tls: Option<Duration>,
    /// See [`HandshakePhase::Authorize`].
    pub authorize: Duration,
    /// `None`: it did not wait.
    pub waiting: Option<Duration>,
    /// See [`HandshakePhase::Connect`].
    pub connect: Duration,
    /// See [`HandshakePhase::Answer`].
    pub answer: Duration,
    /// See [`HandshakePhase::Total`].
    pub total: Duration,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Phases(PerWorker<[Buckets; HandshakePhase::ALL.len()]>);

impl HandshakePhase {
    /// Each of them, in their order.
    pub const ALL: [Self; 6] = [Self::Tls, Self::Authorize, Self::Waiting, Self::Connect, Self::Answer, Self::Total];

    /// The word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Authorize => "authorize",
            Self::Waiting => "waiting",
            Self::Connect => "connect",
            Self::Answer => "answer",
            Self::Total => "total",
        }
    }
}

impl HandshakeTimes {
    /// That of one part; `None` where it did not take place.
    pub fn of(&self, phase: HandshakePhase) -> Option<Duration> {
        match phase {
            HandshakePhase::Tls => self.tls,
            HandshakePhase::Authorize => Some(self.authorize),
            HandshakePhase::Waiting => self.waiting,
            HandshakePhase::Connect => Some(self.connect),
            HandshakePhase::Answer => Some(self.answer),
            HandshakePhase::Total => Some(self.total),
        }
    }
}

impl Phases {
    /// Of so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self(PerWorker::new(workers))
    }

    /// Counts a handshake.
    pub(super) fn note(&self, times: &HandshakeTimes) {
        let mine = self.0.mine(|| HandshakePhase::ALL.map(|_| Buckets::new(&WAITS)));
        for (phase, buckets) in HandshakePhase::ALL.into_iter().zip(mine) {
            if let Some(took) = times.of(phase) {
                buckets.note(took);
            }
        }
    }

    /// How long that part took.
    pub(super) fn of(&self, phase: HandshakePhase) -> Distribution {
        Distribution::of(&WAITS, self.0.each().filter_map(|phases| phases.get(phase as usize)))
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let rows = HandshakePhase::ALL.map(|phase| (vec![("phase", phase.as_str().to_owned())], self.of(phase)));
        let help =
            "How long the parts of handshakes took whose tunnels opened, from the accept of the connection to the 101";
        registry.register("handshake_seconds", help, Rows::new(rows));
    }
}
