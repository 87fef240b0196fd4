//! Why there is no connection to an endpoint, and whose fault that is.

use std::io;

use rustix::io::Errno;
use thiserror::Error;

use super::tls_failure::TlsFailure;

/// Why there is no connection to an endpoint.
#[derive(Debug, Error)]
pub enum DialError {
    /// Refused, unreachable, or its name is unknown: the endpoint's fault.
    #[error(transparent)]
    Failed(io::Error),
    /// Nothing came of it within the deadline: the endpoint's fault.
    #[error("no connection within connect_timeout")]
    TimedOut,
    /// The same of an endpoint that has a name: how far it has come with each of its addresses.
    #[error("no connection within connect_timeout: {0}")]
    NoneAnswered(String),
    /// There is a connection, and no TLS over it: the endpoint's fault, or that of what is asked of it.
    #[error("no TLS: {0}")]
    Tls(#[source] Box<TlsFailure>),
    /// This machine has no port left for connections to its address, or no address to connect from.
    #[error(
        "{0}: no local port or address is left for connections to it; widen net.ipv4.ip_local_port_range, or give it more \
         source_addresses"
    )]
    OutOfPorts(#[source] io::Error),
    /// This process has no descriptor left, or the system no memory: no endpoint can be connected to.
    #[error("{0}; raise LimitNOFILE or lower the load")]
    Exhausted(#[source] io::Error),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::ADDRNOTAVAIL) => Self::OutOfPorts(error),
            // The last is epoll's, beyond fs.epoll.max_user_watches.
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::NOSPC) => Self::Exhausted(error),
            _ => Self::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_shortages_are_no_fault_of_an_endpoint() {
        let judged = |errno: Errno| DialError::from(io::Error::from(errno));
        for errno in [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::CONNRESET, Errno::ACCESS] {
            assert!(matches!(judged(errno), DialError::Failed(_)), "{errno}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::NOSPC] {
            assert!(matches!(judged(errno), DialError::Exhausted(_)), "{errno}");
        }
        let out_of_ports = judged(Errno::ADDRNOTAVAIL);
        assert!(matches!(out_of_ports, DialError::OutOfPorts(_)));
        assert!(out_of_ports.to_string().contains("net.ipv4.ip_local_port_range"));
    }
}
