//! `[listener.NAME]`, as meant.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::names::ListenerName;
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// `[listener.NAME]`: one bound address and its TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSettings {
    /// Its identity.
    pub name: ListenerName,
    /// Where it listens.
    pub bind: Bind,
    /// Its certificates; `None` is a plain listener.
    pub tls: Option<TlsSettings>,
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

/// The two PEM files of one certificate, as absolute paths or relative to the configuration file's folder (already joined).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate chain, leaf first.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Where `chain` is written, for problems found in the file it names.
    pub chain_location: NotCompared<SourceLocation>,
    /// Where `key` is written.
    pub key_location: NotCompared<SourceLocation>,
}

impl CertificateFiles {
    /// Two files that are written nowhere in a configuration.
    pub fn new(chain: PathBuf, key: PathBuf) -> Self {
        Self { chain, key, chain_location: NotCompared::default(), key_location: NotCompared::default() }
    }
}
