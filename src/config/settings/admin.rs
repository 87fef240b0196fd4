//! `[admin]`, as meant.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSettings {
    /// Where operators are listened to.
    pub listen: AdminListen,
    /// Where `listen` is written; no place in a file where it is the default.
    pub location: NotCompared<SourceLocation>,
}

impl AdminSettings {
    /// Whether somebody wrote `listen`, and so counts on it.
    pub fn is_written(&self) -> bool {
        self.location.position.is_some()
    }
}

/// Where operators are listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminListen {
    /// Nowhere.
    Off,
    /// At a unix socket with this path: everything may be asked for.
    Unix(PathBuf),
    /// At a loopback address: nothing but reading.
    Loopback(SocketAddr),
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Loopback(address) => address.fmt(f),
        }
    }
}
