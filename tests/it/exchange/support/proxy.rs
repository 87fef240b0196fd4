//! A proxy in this process, with real listeners on ports that the system chose.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use socket2::SockRef;
use windlass::config::{ListenerName, parse};
use windlass::net::{ListeningSocket, Network};
use windlass::process::{Room, Workers};
use windlass::session::{Proxy, accept};
use windlass::snapshot::{Snapshot, load_certificates};
use windlass::tls::TicketKeys;

use super::Peer;

/// Enough for any test that does not say otherwise.
const ROOM: Room = Room { descriptors: 3000, tunnels: 1000, resting: 1000 };

/// A proxy that runs.
pub(crate) struct TestProxy {
    pub(crate) proxy: Arc<Proxy>,
    addresses: BTreeMap<ListenerName, SocketAddr>,
    tickets: TicketKeys,
}

/// A proxy that is about to start: one listener, one route and one upstream, each with what the test adds to it.
#[derive(Clone)]
pub(crate) struct Plan {
    name: &'static str,
    top: String,
    listener: String,
    route: String,
    upstream: String,
    workers: usize,
    /// What the kernel keeps of an answer, in bytes; as much as it likes, unless the test says.
    send_buffer: Option<usize>,
    room: Room,
}

impl TestProxy {
    /// A proxy in front of these endpoints.
    pub(crate) fn in_front_of(endpoints: &[SocketAddr]) -> Plan {
        let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
        Plan {
            name: "l",
            top: String::new(),
            listener: "bind = \"127.0.0.1:0\"\n".into(),
            route: "upstream = \"u\"\n".into(),
            upstream: format!("endpoints = {endpoints:?}\n"),
            // One worker, so that the connections that rest are found again.
            workers: 1,
            send_buffer: None,
            room: ROOM,
        }
    }

    /// Starts a proxy with this configuration; its listeners are bound where it says, best to port 0.
    fn start(config: &str, workers: usize, send_buffer: Option<usize>, room: Room) -> Self {
        let tickets = TicketKeys::generate().unwrap();
        let snapshot = snapshot(config, &tickets, None);
        let mut sockets = BTreeMap::new();
        for (name, listener) in snapshot.listeners() {
            let socket = ListeningSocket::bind(listener.settings.bind.address().unwrap()).unwrap();
            if let Some(bytes) = send_buffer {
                // Every accepted socket inherits it.
                SockRef::from(&socket).set_send_buffer_size(bytes).unwrap();
            }
            sockets.insert(name.clone(), socket);
        }
        let addresses = sockets.iter().map(|(name, socket)| (name.clone(), socket.address())).collect();
        let proxy = Proxy::new(snapshot, Workers::start(workers).unwrap(), room, Network::System);
        for (name, socket) in sockets {
            let acceptor = socket.into_acceptor().unwrap();
            let listener = Arc::clone(&proxy.snapshot().listeners()[&name]);
            tokio::spawn(accept(acceptor, listener, Arc::clone(&proxy), pending()));
        }
        Self { proxy, addresses, tickets }
    }

    /// Publishes another configuration, as a reload does.
    pub(crate) fn reload(&self, config: &str) {
        let snapshot = snapshot(config, &self.tickets, Some(&self.proxy.snapshot()));
        self.proxy.publish(snapshot);
    }

    /// The address of its first listener.
    pub(crate) fn address(&self) -> SocketAddr {
        *self.addresses.values().next().unwrap()
    }

    /// A new client.
    pub(crate) async fn client(&self) -> Peer {
        Peer::connect(self.address()).await
    }
}

impl Plan {
    /// Gives the listener another name than `l`, by which its lines in the log are found.
    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Adds lines before all sections.
    pub(crate) fn top(mut self, lines: &str) -> Self {
        writeln!(self.top, "{lines}").unwrap();
        self
    }

    /// Adds lines to the listener.
    pub(crate) fn listener(mut self, lines: &str) -> Self {
        writeln!(self.listener, "{lines}").unwrap();
        self
    }

    /// Adds lines to the route.
    pub(crate) fn route(mut self, lines: &str) -> Self {
        writeln!(self.route, "{lines}").unwrap();
        self
    }

    /// Adds lines to the upstream.
    pub(crate) fn upstream(mut self, lines: &str) -> Self {
        writeln!(self.upstream, "{lines}").unwrap();
        self
    }

    /// Lets the kernel keep no more than about so many bytes of an answer.
    pub(crate) fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Lets no more than so many connections with endpoints rest.
    pub(crate) fn resting(mut self, connections: usize) -> Self {
        self.room.resting = connections;
        self
    }

    /// The whole configuration.
    pub(crate) fn config(&self) -> String {
        let Self { name, top, listener, route, upstream, .. } = self;
        format!("{top}\n[listener.{name}]\n{listener}\n[route.r]\n{route}\n[upstream.u]\n{upstream}\n")
    }

    /// Starts it, on the current runtime and workers of its own.
    pub(crate) fn start(self) -> TestProxy {
        TestProxy::start(&self.config(), self.workers, self.send_buffer, self.room)
    }
}

fn snapshot(config: &str, tickets: &TicketKeys, previous: Option<&Snapshot>) -> Snapshot {
    let settings = parse(config, Path::new("test.toml")).unwrap_or_else(|problems| panic!("{problems}"));
    let certificates = load_certificates(&settings).unwrap();
    Snapshot::assemble(Arc::new(settings), certificates, tickets, previous)
}
