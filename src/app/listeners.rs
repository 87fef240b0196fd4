//! The listening sockets, and the tasks that accept on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::{error, fmt, io};

use tokio::sync::oneshot;

use crate::config::{ListenerName, ListenerSettings, Settings};
use crate::net::ListeningSocket;
use crate::session::{Proxy, accept};

/// The listeners that are open, by name.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: BTreeMap<ListenerName, Open>,
}

#[derive(Debug)]
struct Open {
    /// The address as it was asked for: with port 0, the socket's own is another.
    bind: SocketAddr,
    socket: ListeningSocket,
    /// Ends the accepting when it is dropped.
    _accepting: oneshot::Sender<()>,
}

/// The sockets of a configuration that is about to be published.
#[derive(Debug)]
pub(super) struct Prepared {
    sockets: BTreeMap<ListenerName, (SocketAddr, ListeningSocket)>,
}

/// A listener whose address could not be bound.
#[derive(Debug)]
pub struct BindError {
    /// Which one.
    pub listener: ListenerName,
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub error: io::Error,
}

impl Listeners {
    /// Opens the sockets that `settings` need and that are not open yet. Those that are stay as they are, also under another
    /// listener's name. Nothing accepts before [`open`](Self::open).
    pub(super) fn prepare(&self, settings: &Settings) -> Result<Prepared, Vec<BindError>> {
        let mut sockets = BTreeMap::new();
        let mut errors = Vec::new();
        for listener in settings.listeners.values().filter(|listener| !self.is_open(listener)) {
            let taken_over = self.open.values().find(|open| open.bind == listener.bind && open.bind.port() != 0);
            let socket = match taken_over {
                Some(open) => open.socket.try_clone(),
                None => ListeningSocket::bind(listener.bind),
            };
            match socket {
                Ok(socket) => {
                    sockets.insert(listener.name.clone(), (listener.bind, socket));
                }
                Err(error) => {
                    errors.push(BindError { listener: listener.name.clone(), address: listener.bind, error });
                }
            }
        }
        if errors.is_empty() { Ok(Prepared { sockets }) } else { Err(errors) }
    }

    /// Starts to accept on what was prepared, and stops on what is no listener any more.
    pub(super) fn open(&mut self, prepared: Prepared, proxy: &Arc<Proxy>) -> io::Result<()> {
        let snapshot = proxy.snapshot();
        self.open.retain(|name, open| {
            snapshot.listeners().get(name).is_some_and(|listener| listener.settings.bind == open.bind)
        });
        for (name, (bind, socket)) in prepared.sockets {
            let Some(listener) = snapshot.listeners().get(&name) else { continue };
            let acceptor = socket.try_clone()?.into_acceptor()?;
            let (accepting, ended) = oneshot::channel();
            let end = async move {
                // Nothing is ever sent: it ends when the sender is dropped.
                let _ = ended.await;
            };
            tracing::info!(listener = %name, address = %socket.address(), tls = listener.tls().is_some(), "listening");
            tokio::spawn(accept(acceptor, Arc::clone(listener), Arc::clone(proxy), end));
            self.open.insert(name, Open { bind, socket, _accepting: accepting });
        }
        Ok(())
    }

    /// Where a listener can be reached.
    pub(super) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.open.get(name).map(|open| open.socket.address())
    }

    fn is_open(&self, listener: &Arc<ListenerSettings>) -> bool {
        self.open.get(&listener.name).is_some_and(|open| open.bind == listener.bind)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, address, error } = self;
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program, or another windlass, listens there: stop it or choose another port"
            }
            io::ErrorKind::PermissionDenied => {
                "; a port below 1024 needs CAP_NET_BIND_SERVICE, as the systemd unit gives it"
            }
            io::ErrorKind::AddrNotAvailable => "; no network interface has this address",
            _ => "",
        };
        write!(f, "listener {listener}: cannot listen on {address}: {error}{hint}")
    }
}

impl error::Error for BindError {}
