//! What is known of a client connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::proxy::{Phase, Proxy};
use crate::endpoint::OwnedConnections;
use crate::http::forward::Scheme;
use crate::net::{FinEnds, ProxiedTls, Unsent};
use crate::process::Seat;
use crate::snapshot::Listener;
use crate::tls::ClientCertificate;

/// What a session, and the tunnel that it may become, holds on to: its seat on a worker and its permit.
///
/// One stands for two descriptors: those of a client's connection and of one with an endpoint. So a driver whose connection
/// becomes the tunnel hands its own over, and one whose connection carries several tunnels takes one for each.
#[derive(Debug)]
pub(super) struct Admission {
    seat: Seat,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// That of who sits there; without a permit only where permits are no more, or others are held instead.
    pub(super) fn new(seat: Seat, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { seat, _permit: permit }
    }

    /// The worker that drives it.
    pub(super) fn worker(&self) -> usize {
        self.seat.worker()
    }

    /// A seat for a tunnel that its connection carries.
    pub(super) fn seat_beside(&self) -> Seat {
        self.seat.beside()
    }
}

/// Whether a connection has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    /// It has one.
    Served,
    /// Every place is taken: whatever it asks, it is told that.
    TurnedAway,
}

/// When a connection was accepted, and what it took until somebody could ask something over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) at: Instant,
    /// The TLS handshake; `None` where there was none.
    pub(super) tls: Option<Duration>,
}

/// One client connection while it speaks HTTP.
#[derive(Debug)]
pub(super) struct Session {
    /// What every session can reach.
    pub(super) proxy: Arc<Proxy>,
    /// The listener as it was when the connection came.
    pub(super) listener: Arc<Listener>,
    /// The other end of the connection, as the PROXY header says where there is one; not always the client.
    pub(super) peer: SocketAddr,
    /// What was connected to: this machine's end of it, or what the PROXY header says; `None` where it is gone already.
    pub(super) local: Option<SocketAddr>,
    /// What was agreed on by TLS, where there is TLS on it, or the PROXY header says so.
    pub(super) tls: Option<ProxiedTls>,
    /// The certificate that it has shown.
    pub(super) certificate: Option<Box<ClientCertificate>>,
    /// The name that its client has asked for in the TLS handshake (SNI).
    pub(super) server_name: Option<Arc<str>>,
    /// Whether it came by TLS.
    pub(super) scheme: Scheme,
    /// Whether its PROXY header names nobody: who speaks through that proxy is not known.
    pub(super) is_unnamed: bool,
    /// When it was accepted, and how long its TLS handshake took, where there was one.
    pub(super) accepted: Accepted,
    /// Nobody has asked anything over it yet.
    pub(super) is_new: AtomicBool,
    /// The worker that drives it.
    pub(super) worker: usize,
    /// Whether it has a place.
    pub(super) welcome: Welcome,
    /// The connections with endpoints that its client has authenticated.
    pub(super) owned: Arc<OwnedConnections>,
    /// What its stream has not taken yet, and what is said between two answers.
    pub(super) unsent: Unsent,
    /// Whether a FIN is its client's end.
    pub(super) fin_ends: FinEnds,
    /// The last answer is in part missing, and the end of the connection must not look like its end.
    pub(super) is_cut: AtomicBool,
}

impl Session {
    /// Whose word on clients is believed. Of what comes behind a PROXY header that names nobody, nothing is the proxy's own: it passes
    /// on what somebody says whom it does not know.
    pub(super) fn trusted_proxies(&self) -> &[IpNet] {
        if self.is_unnamed { &[] } else { &self.listener.settings.trusted_proxies }
    }

    /// What is known of one stream of the connection, that has a place or none. What a connection of HTTP/1.1 can have only once is
    /// the stream's own: nobody says that all on it are of one client's, who has authenticated a connection with an endpoint.
    pub(super) fn for_stream(&self, welcome: Welcome) -> Self {
        Self {
            proxy: Arc::clone(&self.proxy),
            listener: Arc::clone(&self.listener),
            peer: self.peer,
            local: self.local,
            tls: self.tls,
            certificate: self.certificate.clone(),
            server_name: self.server_name.clone(),
            scheme: self.scheme,
            is_unnamed: self.is_unnamed,
            accepted: self.accepted,
            is_new: AtomicBool::new(self.is_new.swap(false, Ordering::Relaxed)),
            worker: self.worker,
            welcome,
            owned: Arc::default(),
            unsent: Unsent::default(),
            fin_ends: FinEnds::default(),
            is_cut: AtomicBool::new(false),
        }
    }

    /// What is known of its accept, for the first who asks something over it; `None` for those who come later.
    pub(super) fn take_new(&self) -> Option<Accepted> {
        self.is_new.swap(false, Ordering::Relaxed).then_some(self.accepted)
    }

    /// Whether it should end with the answer at hand: it has no place, the process stops or has handed over, or its listener
    /// is gone.
    pub(super) fn is_ending(&self) -> bool {
        let still_there = |listener: &Arc<_>| Arc::ptr_eq(listener, &self.listener);
        self.welcome == Welcome::TurnedAway
            || self.proxy.phase() >= Phase::HandedOver
            || !self.proxy.snapshot().listeners().get(&self.listener.settings.name).is_some_and(|listener| {
                still_there(listener) || listener.life.incarnation == self.listener.life.incarnation
            })
    }

    /// The answer at hand ends before its time, and its client could take what it has for all of it.
    pub(super) fn note_cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Whether the end of the connection must not look like the end of its last answer: some of that never came, or never
    /// went out.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed) || self.unsent.is_some()
    }

    /// For how long its client may take nothing of the last that was written: no longer, where it has used up its time already.
    pub(super) fn patience(&self) -> Duration {
        match self.listener.settings.body_timeout {
            _ if self.unsent.has_stalled() => Duration::ZERO,
            time if self.proxy.phase() >= Phase::Closing => time.min(LAST_PATIENCE),
            time => time,
        }
    }
}

/// How long, when the process ends, a client may take nothing of an answer that was cut.
const LAST_PATIENCE: Duration = Duration::from_secs(2);
