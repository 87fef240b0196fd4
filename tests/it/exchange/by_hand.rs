//! A proxy put together from its parts, where a test needs what [`Running`](windlass::app::Running) takes from the system:
//! how many connections may rest, and how much of an answer the kernel keeps.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::SockRef;
use windlass::net::{ListeningSocket, Network};
use windlass::process::{Room, Workers};
use windlass::session::{Proxy, accept};
use windlass::snapshot::{FileContents, Snapshot};
use windlass::tls::TicketKeys;

use crate::rig::{Config, Wire};

/// Enough for any test that does not say otherwise.
const ROOM: Room = Room { descriptors: 3000, tunnels: 1000, resting: 1000 };

/// A proxy with the one listener `public` and one worker.
pub(crate) struct ByHand {
    pub(crate) proxy: Arc<Proxy>,
    address: SocketAddr,
}

impl ByHand {
    /// No more than so many connections with endpoints rest.
    pub(crate) fn with_resting(config: &Config, connections: usize) -> Self {
        Self::serving(config, Room { resting: connections, ..ROOM }, |_| {})
    }

    /// The kernel keeps no more than about so many bytes of an answer.
    pub(crate) fn with_send_buffer(config: &Config, bytes: usize) -> Self {
        // Every accepted socket inherits it.
        Self::serving(config, ROOM, |socket| SockRef::from(socket).set_send_buffer_size(bytes).unwrap())
    }

    fn serving(config: &Config, room: Room, prepare: impl FnOnce(&ListeningSocket)) -> Self {
        let settings = config.settings();
        let contents = FileContents::read(&settings).unwrap();
        let snapshot = Snapshot::assemble(Arc::new(settings), contents, &TicketKeys::generate().unwrap(), None);
        let listener = snapshot.listeners().values().next().map(Arc::clone).unwrap();
        let socket = ListeningSocket::bind(listener.settings.bind.address().unwrap()).unwrap();
        prepare(&socket);
        let address = socket.address();
        let network = Network::of_the_system(snapshot.settings.resolver.clone());
        let proxy = Proxy::new(snapshot, Workers::start(1).unwrap(), room, network);
        tokio::spawn(accept(socket.into_acceptor().unwrap(), listener, Arc::clone(&proxy), pending()));
        Self { proxy, address }
    }

    /// Where its listener can be reached.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection with it.
    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }
}
