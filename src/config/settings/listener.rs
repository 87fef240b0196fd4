//! `[listener.NAME]`, as meant.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::named_file::{CertificateFiles, NamedFile};
use crate::config::names::ListenerName;

/// `[listener.NAME]`: one bound address and its TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSettings {
    /// Its identity.
    pub name: ListenerName,
    /// Where it listens.
    pub bind: Bind,
    /// Its certificates; `None` is a plain listener.
    pub tls: Option<TlsSettings>,
    /// The certificates that clients are asked for; only where there is TLS.
    pub client_certificates: Option<ClientCertificateSettings>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a TLS handshake may take.
    pub tls_timeout: Duration,
    /// How long a request head may take: the first from accept on, any other from its first byte on.
    pub head_timeout: Duration,
    /// How long a session may rest between two requests.
    pub rest_timeout: Duration,
    /// How long a client may send none of its request body, or take none of the answer.
    pub body_timeout: Duration,
}

/// `listener.NAME.bind`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bind {
    /// An IP address and a port; port 0 is any that is free.
    Address(SocketAddr),
    /// `systemd:NAME`: the socket that systemd passes under this name (systemd.socket(5), `FileDescriptorName=`).
    Systemd(String),
}

impl Bind {
    /// Reads what [`Bind`] displays.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("systemd:") {
            Some(name) => Some(Self::Systemd(name.to_owned())),
            None => text.parse().ok().map(Self::Address),
        }
    }

    /// The address, where it is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Systemd(_) => None,
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// `listener.NAME.tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// At least one; the first also serves clients whose SNI matches none.
    pub certificates: Vec<CertificateFiles>,
}

/// `listener.NAME.client_certificates`: clients are asked for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateSettings {
    /// Who has to have issued it, in PEM.
    pub ca: NamedFile,
    /// Whoever shows none is refused.
    pub is_required: bool,
}
