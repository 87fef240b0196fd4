//! One endpoint as it runs: its address, its state and its load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::endpoint_health::EndpointHealth;
use super::endpoint_state::{EndpointEvent, EndpointState, StateCause, StateCell, StateChange};
use super::reach::Reach;
use super::retirement::Retirement;
use crate::balance::EndpointIdentity;
use crate::config::{EndpointAddress, EndpointName, EndpointSettings, UpstreamName};
use crate::drain::LifeToken;

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
    tunnels: AtomicUsize,
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
    /// An endpoint of `upstream`.
    pub(super) fn new(upstream: &UpstreamName, settings: &EndpointSettings, life: LifeToken) -> Self {
        Self {
            upstream: upstream.clone(),
            name: settings.name.clone(),
            address: settings.address.clone(),
            life,
            identity: EndpointIdentity::of(settings.name.as_str()),
            retirement: Retirement::default(),
            reach: Reach::default(),
            tunnels: AtomicUsize::new(0),
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
        self.state.transition(event)
    }

    /// A connection to it came to nothing.
    pub fn note_connect_failure(&self) {
        self.connect_failures.fetch_add(1, Ordering::Relaxed);
        self.doubt();
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
        self.endpoint.tunnels.fetch_sub(1, Ordering::Relaxed);
    }
}
