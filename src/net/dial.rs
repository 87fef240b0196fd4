//! Connecting to an endpoint.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::connect::{ConnectOptions, connect};
use super::connect_unix::connect_unix;
use super::dial_error::DialError;
use super::dial_name::dial_name;
use super::network::{Network, SystemNetwork};
use super::socket::Socket;
use crate::config::EndpointAddress;

/// Connects to an endpoint, name lookup included, within `deadline`.
///
/// # Errors
/// Why there is no connection.
pub async fn dial(
    network: &Network,
    address: &EndpointAddress,
    options: &ConnectOptions<'_>,
    deadline: Duration,
) -> Result<Socket, DialError> {
    let deadline = Instant::now() + deadline;
    let connect = async {
        match network {
            Network::System(system) => reach(system, address, options, deadline).await,
            #[cfg(test)]
            Network::Simulated(network) => Ok(network.dial(address).await.map(Socket::Simulated)?),
        }
    };
    timeout_at(deadline, connect).await.unwrap_or(Err(DialError::TimedOut))
}

async fn reach(
    system: &SystemNetwork,
    address: &EndpointAddress,
    options: &ConnectOptions<'_>,
    deadline: Instant,
) -> Result<Socket, DialError> {
    match address {
        EndpointAddress::Socket(address) => Ok(Socket::Tcp(connect(address, options, &system.lost_sources).await?)),
        EndpointAddress::Name(host, port) => {
            // Boxed: those without a name have no room for it.
            let dialled = Box::pin(dial_name(system, (host, *port), options, deadline)).await;
            dialled.map(Socket::Tcp)
        }
        EndpointAddress::Unix(address) => Ok(connect_unix(address).await?.into()),
    }
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::network::test_network;

    #[tokio::test]
    async fn dialled_sockets_send_at_once_and_notice_vanished_peers() {
        let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = EndpointAddress::Socket(endpoint.local_addr().unwrap());
        let network = Network::System(test_network(std::path::Path::new("/nowhere")));
        let stream = dial(&network, &address, &ConnectOptions::default(), Duration::from_secs(20)).await.unwrap();
        let Socket::Tcp(stream) = stream else { panic!("{stream:?}") };
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        let (quiet, interval) = (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap());
        assert!(quiet + 9 * interval <= Duration::from_secs(120), "{quiet:?}, {interval:?}");
    }
}
