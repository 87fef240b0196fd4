//! `[listener.NAME]`, as meant.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

use super::acme::AcmeSettings;
use super::hygiene::HygieneSettings;
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
    /// What of HTTP/2 is spoken.
    pub http2: Http2Settings,
    /// Whose PROXY header, `X-Forwarded-For` and `Forwarded` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Each connection begins with a PROXY header of one of them.
    pub has_proxy_header: bool,
    /// How long that header may take.
    pub proxy_header_timeout: Duration,
    /// In which fields endpoints are told of clients.
    pub forwarded_headers: ForwardedHeaders,
    /// What its requests have to look like.
    pub hygiene: HygieneSettings,
    /// How long a TLS handshake may take.
    pub tls_timeout: Duration,
    /// How long a request head may take: the first from accept on, any other from its first byte on.
    pub head_timeout: Duration,
    /// How long a session may rest between two requests.
    pub rest_timeout: Duration,
    /// How long a client may send none of its request body, or take none of the answer.
    pub body_timeout: Duration,
}

/// `http2`, `http2_websockets`, `h2c` and `max_streams` of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Settings {
    /// Whether it is offered over TLS (ALPN).
    pub is_offered: bool,
    /// Whether a connection of it may carry WebSockets (RFC 8441). Where not, clients open one of HTTP/1.1 for each.
    pub takes_websockets: bool,
    /// Whether a client without TLS may begin with it (RFC 9113 §3.3).
    pub takes_prior_knowledge: bool,
    /// How many streams one connection may have open.
    pub max_streams: NonZeroU32,
}

/// `listener.NAME.forwarded_headers`: the fields that tell endpoints of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedHeaders {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// All of them.
    Both,
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
    /// At least one, unless there is `acme`.
    pub certificates: Vec<CertificateFiles>,
    /// Certificates that are had from an ACME directory; `None` for none.
    pub acme: Option<AcmeSettings>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// What becomes of clients that ask for no name, or for none that a certificate is for.
    pub unknown_names: UnknownNames,
    /// What session tickets are sealed with, by every proxy that reads the same; `None`: with keys of this process alone.
    pub ticket_secret: Option<NamedFile>,
}

/// `listener.NAME.tls.min_version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// `listener.NAME.tls.unknown_names`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownNames {
    /// They are shown the first certificate.
    First,
    /// They are refused in the handshake.
    Refuse,
}

/// `listener.NAME.client_certificates`: clients are asked for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateSettings {
    /// Who has to have issued it, in PEM.
    pub ca: NamedFile,
    /// Whoever shows none is refused.
    pub is_required: bool,
    /// Whether endpoints are told whose it is, in headers.
    pub tells_endpoints: bool,
}
