//! Who the client is, as a header says.

use std::net::SocketAddr;

use super::written::ProxiedTls;

/// Who is behind the connection that a header came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldClient {
    /// The client's address.
    pub source: SocketAddr,
    /// Where it has connected to.
    pub destination: SocketAddr,
    /// What it has agreed on by TLS with whoever wrote the header.
    pub tls: Option<ProxiedTls>,
}
