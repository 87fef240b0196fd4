//! Connecting to an endpoint.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use tokio::net::TcpStream;
use tokio::time::timeout;

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
    stream.set_nodelay(true).map_err(DialError::Failed)?;
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
