//! Connecting to an endpoint.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::options::set_options;
use crate::config::EndpointAddress;

/// Why there is no connection to an endpoint. It is the endpoint's fault, and the next-best one is tried.
#[derive(Debug)]
pub enum DialError {
    /// Refused, unreachable, or its name is unknown.
    Failed(io::Error),
    /// Nothing came of it within the deadline.
    TimedOut,
}

/// Connects to an endpoint, name lookup included, within `deadline`.
pub async fn dial(address: &EndpointAddress, deadline: Duration) -> Result<TcpStream, DialError> {
    let connect = async {
        match address {
            EndpointAddress::Socket(address) => TcpStream::connect(address).await,
            EndpointAddress::Name(host, port) => TcpStream::connect((host.as_str(), *port)).await,
        }
    };
    let stream = timeout(deadline, connect).await.map_err(|_| DialError::TimedOut)?.map_err(DialError::Failed)?;
    set_options(&SockRef::from(&stream)).map_err(DialError::Failed)?;
    Ok(stream)
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut => f.write_str("no connection within connect_timeout"),
        }
    }
}

impl Error for DialError {}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn dialled_sockets_send_at_once_and_notice_vanished_peers() {
        let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = EndpointAddress::Socket(endpoint.local_addr().unwrap());
        let stream = dial(&address, Duration::from_secs(20)).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        let (quiet, interval) = (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap());
        assert!(quiet + 9 * interval <= Duration::from_secs(120), "{quiet:?}, {interval:?}");
    }
}
