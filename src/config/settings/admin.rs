//! `[admin]`, as meant.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::listener::{ClientCertificateSettings, TlsSettings};
use super::named_file::NamedFile;
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where operators are listened to: no two at one address; none where it is off.
    pub listeners: Vec<AdminListenerSettings>,
    /// Where `listen` is written; no place in a file where it is the default.
    pub location: NotCompared<SourceLocation>,
    /// How much operators see of what passes through a tunnel.
    pub tap: TapLevel,
}

/// How much operators see of what passes through a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapLevel {
    /// Nothing.
    Off,
    /// Opcodes, sizes and times.
    Headers,
    /// Also what messages say.
    Messages,
}

/// One place where operators are listened to, and what they may do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminListenerSettings {
    /// Where; never [`AdminListen::Off`].
    pub listen: AdminListen,
    /// The file with the token of who may more than look at `/live` and `/ready`.
    pub token: Option<NamedFile>,
    /// What it shows over TLS.
    pub tls: Option<TlsSettings>,
    /// Whose certificates let in as the token does.
    pub clients: Option<ClientCertificateSettings>,
    /// Whether nobody steers here.
    pub is_read_only: bool,
    /// By which names it is asked besides addresses, in lower case.
    pub hosts: Vec<String>,
    /// Where it is written.
    pub location: NotCompared<SourceLocation>,
}

impl AdminSettings {
    /// Whether somebody wrote `listen`, and so counts on it.
    pub fn is_written(&self) -> bool {
        self.location.position.is_some()
    }

    /// Where commands ask: at the first unix socket, or else at the first address.
    pub fn asked(&self) -> AdminListenerSettings {
        let unix = self.listeners.iter().find(|it| matches!(it.listen, AdminListen::Unix(_)));
        let asked = unix.or(self.listeners.first()).cloned();
        asked.unwrap_or_else(|| AdminListenerSettings::at(AdminListen::Off))
    }
}

impl AdminListenerSettings {
    /// One with nothing but an address.
    pub fn at(listen: AdminListen) -> Self {
        Self {
            listen,
            token: None,
            tls: None,
            clients: None,
            is_read_only: false,
            hosts: Vec::new(),
            location: NotCompared::default(),
        }
    }

    /// Whether it asks who somebody is.
    pub fn asks(&self) -> bool {
        self.token.is_some() || self.clients.is_some()
    }
}

/// Where operators are listened to, or asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminListen {
    /// Nowhere.
    Off,
    /// At a unix socket with this path.
    Unix(PathBuf),
    /// At an address.
    Tcp(SocketAddr),
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}
