//! Connecting to an endpoint.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use rustix::io::Errno;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::network::Network;
use super::options::set_options;
use super::socket::Socket;
use crate::config::EndpointAddress;

/// Why there is no connection to an endpoint.
#[derive(Debug)]
pub enum DialError {
    /// Refused, unreachable, or its name is unknown: the endpoint's fault.
    Failed(io::Error),
    /// Nothing came of it within the deadline: the endpoint's fault.
    TimedOut,
    /// This machine has no port left for connections to its address, or no address to connect from.
    OutOfPorts(io::Error),
    /// This process has no descriptor left, or the system no memory: no endpoint can be connected to.
    Exhausted(io::Error),
}

/// Connects to an endpoint, name lookup included, within `deadline`.
pub async fn dial(network: &Network, address: &EndpointAddress, deadline: Duration) -> Result<Socket, DialError> {
    let connect = async {
        match network {
            Network::System => connect(address).await.map(Socket::Tcp),
            #[cfg(test)]
            Network::Simulated(network) => network.dial(address).await.map(Socket::Simulated),
        }
    };
    Ok(timeout(deadline, connect).await.map_err(|_| DialError::TimedOut)??)
}

async fn connect(address: &EndpointAddress) -> io::Result<TcpStream> {
    let stream = match address {
        EndpointAddress::Socket(address) => TcpStream::connect(address).await,
        EndpointAddress::Name(host, port) => TcpStream::connect((host.as_str(), *port)).await,
    }?;
    set_options(&SockRef::from(&stream))?;
    Ok(stream)
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

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no connection within connect_timeout"),
            Self::OutOfPorts(error) => write!(
                f,
                "{error}: no local port or address is left for connections to it; widen net.ipv4.ip_local_port_range, \
                 or list the endpoint under more addresses"
            ),
            Self::Exhausted(error) => write!(f, "{error}; raise LimitNOFILE or lower the load"),
        }
    }
}

impl Error for DialError {}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

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

    #[tokio::test]
    async fn dialled_sockets_send_at_once_and_notice_vanished_peers() {
        let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = EndpointAddress::Socket(endpoint.local_addr().unwrap());
        let stream = dial(&Network::System, &address, Duration::from_secs(20)).await.unwrap();
        let Socket::Tcp(stream) = stream else { panic!("{stream:?}") };
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        let (quiet, interval) = (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap());
        assert!(quiet + 9 * interval <= Duration::from_secs(120), "{quiet:?}, {interval:?}");
    }
}
