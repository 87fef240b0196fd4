//! How endpoints are reached: what of `[upstream.NAME]` is about a connection with one.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, net::SocketAddr};

use super::named_file::{CertificateFiles, NamedFile};
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// Where an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndpointAddress {
    /// An IP address and a port.
    Socket(SocketAddr),
    /// A host name in lower case and a port.
    Name(String, u16),
    /// A unix socket on this machine.
    Unix(UnixAddress),
}

/// Where a unix socket is (unix(7)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixAddress {
    /// A file.
    Path(PathBuf),
    /// A name in the abstract namespace, without the byte 0 in front.
    Abstract(String),
}

/// `upstream.NAME.tls`: TLS is spoken with the endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointTlsSettings {
    /// Who has to have issued their certificates, in PEM; `None`: whom the system trusts.
    pub ca: Option<NamedFile>,
    /// The name that is asked for (SNI, RFC 6066 §3) and verified; `None`: the host of each endpoint's address.
    pub name: Option<String>,
    /// What we show to those that ask.
    pub certificate: Option<CertificateFiles>,
    /// SHA-256 of the certificates that they may have. Without `ca` these alone decide.
    pub fingerprints: Vec<[u8; 32]>,
    /// Whether it is verified whom we speak to.
    pub verify: bool,
    /// Where it is written, for problems with what it asks for.
    pub location: NotCompared<SourceLocation>,
}

/// `upstream.NAME.protocol`: what exchanges are spoken in; upgrades always are HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointProtocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113): by ALPN over TLS, with prior knowledge in clear.
    Http2,
}

/// `upstream.NAME.host`: what endpoints read as `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostTowardsEndpoint {
    /// What the client asked for.
    Keep,
    /// The host and port of the endpoint's own address.
    Endpoint,
    /// This.
    Text(String),
}

/// `upstream.NAME.proxy_protocol`: the header that tells who the client is, before anything else on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// In text.
    V1,
    /// In binary, with what TLS with the client has agreed on.
    V2,
}

/// `upstream.NAME.tcp_keepalive`: a peer that is silent is probed by the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpKeepaliveSettings {
    /// How long it may be quiet before it is probed.
    pub idle: Duration,
    /// How long each probe is waited for.
    pub interval: Duration,
}

/// `upstream.NAME.retry_budget`: how many requests may be asked again of another endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudgetSettings {
    /// The share of all requests, in thousandths.
    pub share_permille: u32,
    /// So many each second whatever the share is.
    pub at_least: u32,
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
        }
    }
}
