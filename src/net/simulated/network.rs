//! Who listens in a network in memory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::socket::SimulatedSocket;
use crate::config::EndpointAddress;

/// Where the proxy connects from.
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254)), 50_000);

/// A network in memory; clones are handles on the same one.
#[derive(Clone, Debug, Default)]
pub struct SimulatedNetwork(Arc<Mutex<Hosts>>);

#[derive(Debug, Default)]
struct Hosts {
    listening: HashMap<SocketAddr, Arc<Queue>>,
    /// Where nobody answers, not even that nobody is there.
    silent: HashSet<SocketAddr>,
}

/// Who listens at an address; clones listen there together, and dropped, it is nobody.
#[derive(Clone, Debug)]
pub struct SimulatedListener(Arc<Listening>);

#[derive(Debug)]
struct Listening {
    address: SocketAddr,
    queue: Arc<Queue>,
    network: SimulatedNetwork,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<VecDeque<(SimulatedSocket, SocketAddr)>>,
    come: Notify,
}

impl SimulatedNetwork {
    /// Listens at an address.
    ///
    /// # Errors
    /// Somebody does already.
    pub fn listen(&self, address: SocketAddr) -> io::Result<SimulatedListener> {
        let mut hosts = self.hosts();
        if hosts.listening.contains_key(&address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let queue = Arc::<Queue>::default();
        hosts.listening.insert(address, Arc::clone(&queue));
        Ok(SimulatedListener(Arc::new(Listening { address, queue, network: self.clone() })))
    }

    /// Connects `from` an address to somebody who listens.
    ///
    /// # Errors
    /// Nobody does.
    pub async fn connect(&self, from: SocketAddr, to: SocketAddr) -> io::Result<SimulatedSocket> {
        if self.hosts().silent.contains(&to) {
            std::future::pending::<()>().await;
        }
        let queue = self.hosts().listening.get(&to).map(Arc::clone).ok_or(ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = SimulatedSocket::pair();
        queue.waiting.lock().unwrap().push_back((theirs, from));
        queue.come.notify_one();
        Ok(ours)
    }

    /// Connects the proxy to an endpoint; there are no names in this network.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn dial(&self, endpoint: &EndpointAddress) -> io::Result<SimulatedSocket> {
        match endpoint {
            EndpointAddress::Socket(address) => self.connect(PROXY, *address).await,
            EndpointAddress::Name(..) => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Whether nobody answers at an address, from now on.
    pub fn set_silent(&self, address: SocketAddr, is_silent: bool) {
        let silent = &mut self.hosts().silent;
        if is_silent {
            silent.insert(address)
        } else {
            silent.remove(&address)
        };
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.0.lock().unwrap()
    }
}

impl SimulatedListener {
    /// The next who comes.
    pub async fn accept(&self) -> (SimulatedSocket, SocketAddr) {
        loop {
            if let Some(come) = self.accept_waiting() {
                return come;
            }
            self.0.queue.come.notified().await;
        }
    }

    /// Who has come already.
    pub fn accept_waiting(&self) -> Option<(SimulatedSocket, SocketAddr)> {
        self.0.queue.waiting.lock().unwrap().pop_front()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.network.hosts().listening.remove(&self.address);
        // Whoever waits still is reset.
        for (socket, _) in self.queue.waiting.lock().unwrap().drain(..) {
            socket.reset_when_dropped();
        }
    }
}
