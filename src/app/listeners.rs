//! The listening sockets, and the tasks that accept on them.

use std::collections::BTreeMap;
use std::mem::take;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::{fmt, io};

use rustix::io::Errno;
use thiserror::Error;
use tokio::sync::oneshot;

use super::handoff::InheritedSockets;
use crate::config::{Bind, ListenerName, ListenerSettings, Settings};
use crate::handoff::SocketRole;
use crate::net::{Acceptor, ListeningSocket, Network};
use crate::process::Workers;
use crate::session::{Afterwards, Proxy, accept};

/// The listeners that are open, by name.
#[derive(Debug)]
pub(super) struct Listeners {
    open: BTreeMap<ListenerName, OpenListener>,
    inherited: InheritedSockets,
    /// Where new ones listen.
    network: Network,
}

#[derive(Debug)]
struct OpenListener {
    /// The address as it was asked for: with port 0, the socket's own is another.
    bind: Bind,
    socket: ListeningSocket,
    /// Ends the accepting; dropped, the socket closes.
    accepting: oneshot::Sender<Afterwards>,
    /// Resolves when the accepting is over.
    over: oneshot::Receiver<()>,
}

/// The sockets of a configuration that is about to be published.
#[derive(Debug)]
pub(super) struct PreparedListeners {
    sockets: BTreeMap<ListenerName, ReadyListener>,
}

#[derive(Debug)]
struct ReadyListener {
    bind: Bind,
    socket: ListeningSocket,
    /// Where it will be accepted from.
    worker: usize,
    acceptor: Acceptor,
}

/// A listener whose address could not be bound.
#[derive(Debug, Error)]
pub struct BindError {
    /// Which one.
    pub listener: ListenerName,
    /// Where.
    pub bind: Bind,
    /// Why not.
    #[source]
    pub error: io::Error,
}

impl Listeners {
    /// No listener yet; `inherited` are used where they fit, and others are bound in `network`.
    pub(super) fn new(inherited: InheritedSockets, network: Network) -> Self {
        Self { open: BTreeMap::new(), inherited, network }
    }

    /// Opens the sockets that `settings` need and that are not open yet. Those that are stay as they are, also under another
    /// listener's name. Nothing accepts before [`open`](Self::open).
    pub(super) fn prepare(&self, settings: &Settings, workers: &Workers) -> Result<PreparedListeners, Vec<BindError>> {
        let mut sockets = BTreeMap::new();
        let mut errors = Vec::new();
        let wanted = settings.listeners.values().filter(|listener| !self.is_open(listener));
        // Their accepting is spread over the workers too.
        for (worker, listener) in (self.open.len()..).zip(wanted) {
            match self.ready(listener, settings, &sockets, workers, worker) {
                Ok(ready) => {
                    sockets.insert(listener.name.clone(), ready);
                }
                Err(error) => {
                    errors.push(BindError { listener: listener.name.clone(), bind: listener.bind.clone(), error });
                }
            }
        }
        errors.extend(self.shared(&sockets, settings));
        if errors.is_empty() { Ok(PreparedListeners { sockets }) } else { Err(errors) }
    }

    /// Starts to accept on what was prepared, and stops on what is no listener any more.
    pub(super) fn open(&mut self, prepared: PreparedListeners, proxy: &Arc<Proxy>) {
        let snapshot = proxy.snapshot();
        let is_gone = |name: &ListenerName, open: &mut OpenListener| {
            snapshot.listeners().get(name).is_none_or(|listener| listener.settings.bind != open.bind)
        };
        for (_, gone) in self.open.extract_if(.., is_gone) {
            let successor = prepared.sockets.iter().find(|(_, ready)| ready.socket.address() == gone.socket.address());
            if let Some(successor) = successor.and_then(|(name, _)| snapshot.listeners().get(name)) {
                // Those in the queue are the next listener's: to this one, they came too late.
                let _ = gone.accepting.send(Afterwards::TakenOver(Arc::clone(successor)));
            }
        }
        for (name, ReadyListener { bind, socket, worker, acceptor }) in prepared.sockets {
            let Some(listener) = snapshot.listeners().get(&name) else { continue };
            let (accepting, ended) = oneshot::channel();
            let end = async move { ended.await.unwrap_or(Afterwards::Closed) };
            let (accepts, over) = oneshot::channel::<()>();
            tracing::info!(listener = %name, address = %socket.address(), tls = listener.tls().is_some(), "listening");
            // On a worker, not on a thread beside them: what it hands to itself needs no wake-up and no change of threads,
            // which cost as much as the rest of a handshake.
            let accepting_on = accept(acceptor, Arc::clone(listener), Arc::clone(proxy), end);
            proxy.workers.employ(worker, async move {
                accepting_on.await;
                drop(accepts);
            });
            self.open.insert(name, OpenListener { bind, socket, accepting, over });
        }
    }

    /// The first configuration is served: what was inherited and is of no use is named.
    pub(super) fn settle(&mut self) {
        let open = &self.open;
        self.inherited.settle(|socket| open.values().any(|open| open.socket.address() == socket.address()));
    }

    /// Every socket that the next process may want: what it is for, its name, how it was asked for.
    pub(super) fn to_pass_on(&self) -> impl Iterator<Item = (SocketRole, &str, Option<String>, BorrowedFd<'_>)> {
        let open = self.open.iter();
        let listeners = open.map(|(name, open)| {
            (SocketRole::Listener, name.as_str(), Some(open.bind.to_string()), open.socket.as_fd())
        });
        let systemd =
            self.inherited.of_systemd().map(|(name, socket)| (SocketRole::Systemd, name, None, socket.as_fd()));
        listeners.chain(systemd)
    }

    /// Closes every socket, when those who wait in its queue are taken in: afterwards nobody comes any more.
    pub(super) async fn close(&mut self) {
        drop(take(&mut self.inherited));
        let accepting: Vec<_> = take(&mut self.open).into_values().map(|OpenListener { over, .. }| over).collect();
        for over in accepting {
            // Nothing is ever sent.
            let _ = over.await;
        }
    }

    /// Accepts no more. The sockets stay open where somebody else has them too, and those who wait in their queues are theirs.
    pub(super) async fn leave(&mut self) {
        drop(take(&mut self.inherited));
        let mut accepting = Vec::new();
        for open in take(&mut self.open).into_values() {
            // Its task may have ended.
            let _ = open.accepting.send(Afterwards::Left);
            accepting.push(open.over);
        }
        for over in accepting {
            // Nothing is ever sent.
            let _ = over.await;
        }
    }

    /// Where a listener can be reached.
    pub(super) fn address(&self, name: &str) -> Option<SocketAddr> {
        self.open.get(name).map(|open| open.socket.address())
    }

    /// Where every listener can be reached.
    pub(super) fn addresses(&self) -> Vec<(ListenerName, SocketAddr)> {
        self.open.iter().map(|(name, open)| (name.clone(), open.socket.address())).collect()
    }

    /// Everything that a listener needs to accept.
    fn ready(
        &self,
        listener: &ListenerSettings,
        settings: &Settings,
        prepared: &BTreeMap<ListenerName, ReadyListener>,
        workers: &Workers,
        worker: usize,
    ) -> io::Result<ReadyListener> {
        let socket = self.socket_for(listener, settings, prepared)?;
        let clone = socket.try_clone()?;
        let acceptor = workers.on(worker, || clone.into_acceptor())?;
        Ok(ReadyListener { bind: listener.bind.clone(), socket, worker, acceptor })
    }

    /// The socket that a listener needs: one that is open already, one that was inherited, or a new one.
    fn socket_for(
        &self,
        listener: &ListenerSettings,
        settings: &Settings,
        prepared: &BTreeMap<ListenerName, ReadyListener>,
    ) -> io::Result<ListeningSocket> {
        let is_any_port = listener.bind.address().is_some_and(|address| address.port() == 0);
        let taken_over = self.open.values().find(|open| open.bind == listener.bind && !is_any_port);
        if let Some(open) = taken_over {
            return open.socket.try_clone();
        }
        match (self.inherited.find(listener, settings)?, listener.bind.address()) {
            (Some(socket), _) => Ok(socket),
            (None, Some(address)) => {
                let prepared = prepared.values().map(|ready| &ready.socket);
                let others: Vec<_> = self
                    .closing(settings)
                    .chain(self.sockets().chain(prepared).filter(|it| it.address().is_ipv4() != address.is_ipv4()))
                    .filter(|it| it.is_in_the_way_of(address))
                    .collect();
                self.network.listen(address, &others)
            }
            (None, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The sockets that no listener of `settings` wants any more.
    fn closing(&self, settings: &Settings) -> impl Iterator<Item = &ListeningSocket> {
        let is_wanted = |open: &&OpenListener| settings.listeners.values().any(|listener| listener.bind == open.bind);
        let closing = self.open.values().filter(move |open| !is_wanted(open)).map(|open| &open.socket);
        closing.chain(self.inherited.of_predecessor(settings))
    }

    /// Every socket that is ours already.
    fn sockets(&self) -> impl Iterator<Item = &ListeningSocket> {
        self.open.values().map(|open| &open.socket).chain(self.inherited.sockets())
    }

    /// Listeners whose socket is another listener's already: by its address here, by its name there.
    fn shared(&self, sockets: &BTreeMap<ListenerName, ReadyListener>, settings: &Settings) -> Vec<BindError> {
        let stays = |name: &ListenerName| settings.listeners.get(name).is_some_and(|listener| self.is_open(listener));
        let staying = self.open.iter().filter(|(name, _)| stays(name)).map(|(_, open)| open.socket.address());
        let mut taken: Vec<_> = staying.collect();
        let mut errors = Vec::new();
        for (name, ReadyListener { bind, socket, .. }) in sockets {
            if taken.contains(&socket.address()) {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "another listener has the socket of this name");
                errors.push(BindError { listener: name.clone(), bind: bind.clone(), error });
            }
            taken.push(socket.address());
        }
        errors
    }

    fn is_open(&self, listener: &ListenerSettings) -> bool {
        self.open.get(&listener.name).is_some_and(|open| open.bind == listener.bind)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, bind, error } = self;
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program, or another windlass, listens there: stop it or choose another port"
            }
            io::ErrorKind::PermissionDenied => {
                "; a port below 1024 needs CAP_NET_BIND_SERVICE, as the systemd unit gives it"
            }
            io::ErrorKind::AddrNotAvailable => "; no network interface has this address",
            _ if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => {
                "; this machine (or container) has no IPv6: write 0.0.0.0 in the place of [::]"
            }
            _ => "",
        };
        write!(f, "listener {listener}: cannot listen on {bind}: {error}{hint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_an_address_cannot_be_bound_is_said_with_what_to_do() {
        for (errno, said) in [
            (Errno::ADDRINUSE, "stop it or choose another port"),
            (Errno::ACCESS, "CAP_NET_BIND_SERVICE"),
            (Errno::ADDRNOTAVAIL, "no network interface has this address"),
            (Errno::AFNOSUPPORT, "has no IPv6: write 0.0.0.0 in the place of [::]"),
        ] {
            let bind = Bind::Address("[::]:80".parse().unwrap());
            let error = BindError { listener: "public".into(), bind, error: errno.into() }.to_string();
            assert!(
                error.starts_with("listener public: cannot listen on [::]:80: ") && error.contains(said),
                "{error}"
            );
        }
    }
}
