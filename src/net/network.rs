//! Where connections come from and go to: the system's network; for tests it may be one in memory.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::failing_addresses::FailingAddresses;
use super::listen::ListeningSocket;
use super::lost_sources::LostSources;
#[cfg(test)]
use super::simulated::SimulatedNetwork;
use crate::config::ResolverSettings;
use crate::resolver::Resolver;

/// The network that a proxy is in.
#[derive(Clone, Debug)]
pub enum Network {
    /// The system's.
    System(SystemNetwork),
    /// One in memory: its owner alone can reach it.
    #[cfg(test)]
    Simulated(SimulatedNetwork),
}

/// The system's network, with what is known of the addresses in it; clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct SystemNetwork {
    pub(super) resolver: Resolver,
    pub(super) failing: Arc<FailingAddresses>,
    pub(super) lost_sources: Arc<LostSources>,
}

impl Network {
    /// The system's. Names are looked up on the runtime that this is called on, which must outlive all who connect.
    pub fn of_the_system(names: ResolverSettings) -> Self {
        let resolver = Resolver::new(names);
        Self::System(SystemNetwork { resolver, failing: Arc::default(), lost_sources: Arc::default() })
    }

    /// Who looks names up; nobody in a network that has none.
    pub fn resolver(&self) -> Option<&Resolver> {
        match self {
            Self::System(system) => Some(&system.resolver),
            #[cfg(test)]
            Self::Simulated(_) => None,
        }
    }

    /// Listens at an address, where `others`, sockets of ours, may be in the way.
    ///
    /// # Errors
    /// Somebody else listens there already, or this machine has no such address.
    pub fn listen(&self, address: SocketAddr, others: &[&ListeningSocket]) -> io::Result<ListeningSocket> {
        match self {
            Self::System(_) if others.is_empty() => ListeningSocket::bind(address),
            Self::System(_) => ListeningSocket::bind_beside(address, others),
            #[cfg(test)]
            Self::Simulated(network) => Ok(ListeningSocket::simulated(network.listen(address)?, address)),
        }
    }
}

/// A network of a system whose `hosts` and `resolv.conf` are in this folder.
#[cfg(test)]
pub(super) fn test_network(folder: &std::path::Path) -> SystemNetwork {
    let resolver = Resolver::in_folder(folder, &[]);
    SystemNetwork { resolver, failing: Arc::default(), lost_sources: Arc::default() }
}
