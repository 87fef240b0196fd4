//! One endpoint as it runs: its address, its state and its load.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::arrival::Arrival;
use super::endpoint_health::EndpointHealth;
use super::endpoint_state::{EndpointEvent, EndpointState, StateCause, StateCell, StateChange};
use super::reach::Reach;
use super::retirement::Retirement;
use crate::balance::{Busyness, EndpointIdentity};
use crate::config::{EndpointAddress, EndpointName, EndpointSettings, HandshakeLimits, UpstreamName};
use crate::drain::LifeToken;
use crate::queue::{Gate, Places};
use crate::tls::TlsSessions;

/// One endpoint. It is carried over from snapshot to snapshot as long as its name and address stay.
#[derive(Debug)]
pub struct Endpoint {
    /// Its upstream.
    pub upstream: UpstreamName,
    /// Its name there.
    pub name: EndpointName,
    /// Where it is.
    pub address: EndpointAddress,
    /// This life of its name.
    pub life: LifeToken,
    /// What the hash knows it by: the same on every proxy of a fleet.
    pub identity: EndpointIdentity,
    /// Whether it has left the configuration.
    pub retirement: Retirement,
    /// Whether connects go well.
    pub reach: Reach,
    /// The sessions with it that may be resumed, where it has TLS.
    pub tls_sessions: TlsSessions,
    /// How busy its tunnels are, where its upstream's policy goes by that.
    pub busyness: Busyness,
    /// When this was made: other times are counted from it.
    made: Instant,
    arrival: Arrival,
    /// When it is due under `round_robin`.
    due: AtomicU64,
    /// Who may have a handshake under way; none where that was never limited.
    gate: OnceLock<Arc<Gate>>,
    /// Who waits for a place of a tunnel, with this endpoint or another of its upstream.
    places: Arc<Places>,
    tunnels: AtomicUsize,
    /// Connects that took their turn among the source addresses.
    turns: AtomicUsize,
    /// Connections to it that came to nothing.
    connect_failures: AtomicU64,
    state: StateCell,
    pub(super) health: EndpointHealth,
}

/// One open tunnel, counted as its endpoint's load for as long as this lives.
#[derive(Debug)]
pub struct Lease {
    endpoint: Arc<Endpoint>,
}

impl Endpoint {
    /// An endpoint of `upstream`, whose `places` others of it share.
    pub(super) fn new(
        upstream: &UpstreamName,
        settings: &EndpointSettings,
        life: LifeToken,
        places: Arc<Places>,
    ) -> Self {
        Self {
            upstream: upstream.clone(),
            name: settings.name.clone(),
            address: settings.address.clone(),
            life,
            identity: EndpointIdentity::of(settings.name.as_str()),
            retirement: Retirement::default(),
            reach: Reach::default(),
            tls_sessions: TlsSessions::default(),
            busyness: Busyness::default(),
            made: Instant::now(),
            arrival: Arrival::default(),
            due: AtomicU64::new(0),
            gate: OnceLock::new(),
            places,
            tunnels: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            connect_failures: AtomicU64::new(0),
            state: StateCell::default(),
            health: EndpointHealth::default(),
        }
    }

    /// Counts a tunnel that is about to open.
    pub fn lease(self: &Arc<Self>) -> Lease {
        self.tunnels.fetch_add(1, Ordering::Relaxed);
        Lease { endpoint: Arc::clone(self) }
    }

    /// Counts a tunnel that is about to open, unless there are `max` already.
    pub fn try_lease(self: &Arc<Self>, max: Option<NonZeroUsize>) -> Option<Lease> {
        let Some(max) = max else { return Some(self.lease()) };
        let more = |tunnels: usize| Some(tunnels + 1).filter(|more| *more <= max.get());
        self.tunnels.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Lease { endpoint: Arc::clone(self) })
    }

    /// Whether one more tunnel would be no more than `max`; by then another one may have its place.
    pub fn has_place(&self, max: Option<NonZeroUsize>) -> bool {
        max.is_none_or(|max| self.tunnels() < max.get())
    }

    /// Who may have a handshake under way, where that was limited once.
    pub fn gate(&self) -> Option<&Arc<Gate>> {
        self.gate.get()
    }

    /// Limits its handshakes from now on.
    pub(super) fn limit_handshakes(&self, limits: HandshakeLimits) {
        self.gate.get_or_init(|| Arc::new(Gate::new(limits))).set_bounds(limits);
    }

    /// What speaks against placing anybody there.
    pub fn state(&self) -> EndpointState {
        self.state.get()
    }

    /// The same one by one, with for how long and why.
    pub fn causes(&self) -> Vec<StateCause> {
        self.state.causes()
    }

    /// Something happens to it. Returns what that changes.
    pub fn transition(&self, event: EndpointEvent<'_>) -> Option<StateChange> {
        let change = self.state.transition(event);
        if change.as_ref().is_some_and(|change| change.state.is_eligible()) {
            self.note_arrival();
        }
        change
    }

    /// It comes, or comes back, to where others serve already.
    pub(super) fn note_arrival(&self) {
        self.arrival.note(self.made.elapsed());
    }

    /// What it has of its `full` weight now.
    pub(super) fn weight_now(&self, full: NonZeroU32, slow_start: Option<Duration>) -> NonZeroU32 {
        match slow_start {
            Some(slow_start) => self.arrival.weight(full, slow_start, || self.made.elapsed()),
            None => full,
        }
    }

    /// Its work lately, in thousandths of a message a second.
    pub(super) fn busy(&self) -> u64 {
        self.busyness.average(self.made.elapsed())
    }

    /// When it is due.
    pub(super) fn due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// It is due `again` then, and not when it was `found` to be. Says whether nobody else has been placed there meanwhile.
    pub(super) fn postpone(&self, found: u64, again: u64) -> bool {
        self.due.compare_exchange(found, again, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The number of the next connect, where its upstream has several source addresses: each endpoint counts its own, so that it
    /// is connected to from all of them, whoever else is in between.
    pub fn take_turn(&self, sources: usize) -> usize {
        if sources > 1 { self.turns.fetch_add(1, Ordering::Relaxed) } else { 0 }
    }

    /// A connection to it came to nothing.
    pub fn note_connect_failure(&self) {
        self.connect_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections to it came to nothing.
    pub fn connect_failures(&self) -> u64 {
        self.connect_failures.load(Ordering::Relaxed)
    }

    /// How many tunnels are open, or about to.
    pub fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::Relaxed)
    }
}

impl Lease {
    /// Whose load it counts for.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // With the load behind it this is how `Places` wants it: what is free is seen before it is asked who waits.
        self.endpoint.tunnels.fetch_sub(1, Ordering::SeqCst);
        self.endpoint.places.note_free();
    }
}
