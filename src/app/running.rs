//! A running proxy: what is set up once, and what a reload replaces.

use std::mem::take;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use super::discovery::{NamedSets, Retired};
use super::down_endpoints;
use super::drains::Drains;
use super::error::StartError;
use super::handoff::Inheritance;
use super::listeners::{Listeners, PreparedListeners};
use super::loaded::{Loaded, warn};
use super::port_shortages::warn_of_ports;
use crate::config::{ListenerName, Settings, WorkerCount};
use crate::handoff::Predecessors;
use crate::net::Network;
use crate::process::{Room, Watcher, Workers, raise_descriptor_limit};
use crate::session::Proxy;
use crate::snapshot::Snapshot;
use crate::tls::TicketKeys;

/// A running proxy.
#[derive(Debug)]
pub struct Running {
    pub(super) proxy: Arc<Proxy>,
    pub(super) listeners: Listeners,
    /// The ticket keys outlive every reload, and TLS sessions with them.
    pub(super) tickets: TicketKeys,
    pub(super) drains: Drains,
    /// What the sources of the configuration have named last.
    pub(super) sets: NamedSets,
    pub(super) retired: Retired,
    pub(super) predecessors: Arc<Predecessors>,
    /// Who would take the end of this process for the end of the service.
    pub(super) watcher: Option<Watcher>,
    /// What acts on endpoints that go down.
    on_down: JoinSet<()>,
    /// After a handoff: what tells the new process what is left here.
    pub(super) report: JoinSet<()>,
}

/// What a proxy runs on.
#[derive(Debug)]
pub(super) struct Machine {
    /// Who drives what it serves.
    pub(super) workers: Workers,
    /// How much it has room for.
    pub(super) room: Room,
    /// Where its clients come from and its endpoints are.
    pub(super) network: Network,
}

/// A proxy that only waits for the word to accept.
#[derive(Debug)]
pub(super) struct PreparedProxy {
    running: Running,
    prepared: PreparedListeners,
}

impl Running {
    /// Starts to serve.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let loaded = Loaded::read(settings)?;
        Ok(Self::build(loaded, &mut Inheritance::default())?.open())
    }

    /// Does everything but to accept, with what was inherited where it fits.
    pub(super) fn build(loaded: Loaded, inheritance: &mut Inheritance) -> Result<PreparedProxy, StartError> {
        warn(loaded.warnings());
        let settings = loaded.settings();
        let workers = worker_count(settings.workers);
        let room = raise_descriptor_limit().room(workers, settings.listeners.len(), settings.admin.listeners.len());
        tracing::info!("{room}");
        if let Some(shortage) = room.shortage() {
            tracing::warn!("{shortage}");
        }
        let network = Network::of_the_system(settings.resolver.clone());
        let machine = Machine { workers: Workers::start(workers)?, room, network };
        Self::build_on(machine, loaded, inheritance)
    }

    /// The same on this machine.
    pub(super) fn build_on(
        machine: Machine,
        loaded: Loaded,
        inheritance: &mut Inheritance,
    ) -> Result<PreparedProxy, StartError> {
        let Machine { workers, room, network } = machine;
        let (mut settings, contents, sets) = loaded.into_parts();
        sets.fill(&mut settings, None);
        // As with a reload, those that sources have named count too.
        warn_of_ports(&settings);
        let tickets = match inheritance.tickets.take() {
            Some(keys) => keys,
            None => TicketKeys::generate().map_err(StartError::TicketKeys)?,
        };
        let listeners = Listeners::new(take(&mut inheritance.sockets), network.clone());
        let prepared = listeners.prepare(&settings, &workers).map_err(StartError::Bind)?;
        let mut snapshot = Snapshot::assemble(Arc::new(settings), contents, &tickets, None);
        snapshot.generation = inheritance.generation();
        let proxy = Proxy::new(snapshot, workers, room, network);
        inheritance.number_on(&proxy.registry);
        inheritance.restore_states(&proxy.snapshot());
        inheritance.restore_client_keys(&proxy.snapshot());
        let drains = Drains::new(Arc::clone(&proxy.drains));
        let (predecessors, watcher) = (Arc::clone(&inheritance.predecessors), inheritance.watcher.take());
        Ok(PreparedProxy {
            running: Self {
                proxy,
                listeners,
                tickets,
                drains,
                sets,
                retired: Retired::default(),
                predecessors,
                watcher,
                on_down: JoinSet::new(),
                report: JoinSet::new(),
            },
            prepared,
        })
    }

    fn begin_probes(&mut self) {
        let (sender, verdicts) = unbounded_channel();
        self.proxy.begin_probes(sender);
        self.on_down.spawn(down_endpoints::act(Arc::clone(&self.proxy), self.drains.clone(), verdicts));
    }

    /// Where a listener can be reached.
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.listeners.address(listener)
    }

    /// Where every listener can be reached.
    pub fn addresses(&self) -> Vec<(ListenerName, SocketAddr)> {
        self.listeners.addresses()
    }

    /// What every session can reach.
    pub fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }
}

impl PreparedProxy {
    /// What every session will be able to reach.
    pub(super) fn proxy(&self) -> &Arc<Proxy> {
        &self.running.proxy
    }

    /// What TLS sessions are resumed by.
    pub(super) fn tickets(&self) -> &TicketKeys {
        &self.running.tickets
    }

    /// Accepts from now on.
    pub(super) fn open(self) -> Running {
        let Self { mut running, prepared } = self;
        running.listeners.open(prepared, &running.proxy);
        running.listeners.settle();
        running.begin_probes();
        running.proxy.begin_key_fetches();
        running.proxy.begin_traces();
        running
    }
}

fn worker_count(workers: WorkerCount) -> usize {
    match workers {
        WorkerCount::Count(count) => count.get(),
        WorkerCount::PerCore => thread::available_parallelism().map_or(1, NonZeroUsize::get),
    }
}
