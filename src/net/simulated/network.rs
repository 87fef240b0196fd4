//! Who listens in a network in memory.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::socket::SimulatedSocket;
use crate::config::EndpointAddress;

/// Where the proxy connects from.
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254)), 50_000);

/// A network in memory; clones are handles on the same one.
#[derive(Clone, Debug, Default)]
pub struct SimulatedNetwork(Arc<Mutex<Hosts>>);

#[derive(Debug, Default)]
struct Hosts {
    listening: HashMap<SocketAddr, UnboundedSender<Arrival>>,
    /// Where nobody answers, not even that nobody is there.
    silent: HashSet<SocketAddr>,
    /// How long anything takes at the most, from one end to the other.
    slowest: Duration,
}

/// Who has come, and from where.
type Arrival = (SimulatedSocket, SocketAddr);

/// Who listens at an address; clones listen there together, and dropped, it is nobody.
#[derive(Clone, Debug)]
pub struct SimulatedListener(Arc<Listening>);

#[derive(Debug)]
struct Listening {
    address: SocketAddr,
    waiting: tokio::sync::Mutex<UnboundedReceiver<Arrival>>,
    network: SimulatedNetwork,
}

impl SimulatedNetwork {
    /// One in which everything takes its time, for each connection another one, up to this.
    pub fn slow(slowest: Duration) -> Self {
        Self(Arc::new(Mutex::new(Hosts { slowest, ..Hosts::default() })))
    }

    /// Listens at an address.
    ///
    /// # Errors
    /// Somebody does already.
    pub fn listen(&self, address: SocketAddr) -> io::Result<SimulatedListener> {
        let mut hosts = self.hosts();
        if hosts.listening.contains_key(&address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let (come, waiting) = unbounded_channel();
        hosts.listening.insert(address, come);
        Ok(SimulatedListener(Arc::new(Listening { address, waiting: waiting.into(), network: self.clone() })))
    }

    /// Connects `from` an address to somebody who listens.
    ///
    /// # Errors
    /// Nobody does.
    pub async fn connect(&self, from: SocketAddr, to: SocketAddr) -> io::Result<SimulatedSocket> {
        if self.hosts().silent.contains(&to) {
            std::future::pending::<()>().await;
        }
        let slowest = self.hosts().slowest.as_micros();
        let latency = Duration::from_micros(fastrand::u64(0..=u64::try_from(slowest).unwrap()));
        sleep(latency).await;
        let (ours, theirs) = SimulatedSocket::pair(latency);
        let hosts = self.hosts();
        let come = hosts.listening.get(&to).ok_or(ErrorKind::ConnectionRefused)?;
        come.send((theirs, from)).map_err(|_| ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }

    /// Connects the proxy to an endpoint; there are no names in this network.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn dial(&self, endpoint: &EndpointAddress) -> io::Result<SimulatedSocket> {
        match endpoint {
            EndpointAddress::Socket(address) => self.connect(PROXY, *address).await,
            EndpointAddress::Name(..) | EndpointAddress::Unix(_) => Err(ErrorKind::NotFound.into()),
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
        let mut waiting = self.0.waiting.lock().await;
        waiting.recv().await.expect("the network holds the sender for as long as somebody listens")
    }

    /// Who has come already.
    pub fn accept_waiting(&self) -> Option<(SimulatedSocket, SocketAddr)> {
        self.0.waiting.try_lock().ok()?.try_recv().ok()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.network.hosts().listening.remove(&self.address);
        // Whoever waits still is reset.
        while let Ok((socket, _)) = self.waiting.get_mut().try_recv() {
            socket.reset_when_dropped();
        }
    }
}
