//! Where connections come from and go to: the system's network; for tests it may be one in memory.

use std::io;
use std::net::SocketAddr;

use super::listen::ListeningSocket;
#[cfg(test)]
use super::simulated::SimulatedNetwork;

/// The network that a proxy is in.
#[derive(Clone, Debug, Default)]
pub enum Network {
    /// The system's.
    #[default]
    System,
    /// One in memory: its owner alone can reach it.
    #[cfg(test)]
    Simulated(SimulatedNetwork),
}

impl Network {
    /// Listens at an address, where `others`, sockets of ours, may be in the way.
    ///
    /// # Errors
    /// Somebody else listens there already, or this machine has no such address.
    pub fn listen(&self, address: SocketAddr, others: &[&ListeningSocket]) -> io::Result<ListeningSocket> {
        match self {
            Self::System if others.is_empty() => ListeningSocket::bind(address),
            Self::System => ListeningSocket::bind_beside(address, others),
            #[cfg(test)]
            Self::Simulated(network) => Ok(ListeningSocket::simulated(network.listen(address)?, address)),
        }
    }
}
