//! Where the endpoints of an upstream are learned from, and how names are looked up.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::named_file::NamedFile;

/// `endpoints` of `[upstream.NAME]`, where it is no list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// What is asked.
    pub from: SourceKind,
    /// The DNS servers that are asked, for the names of endpoints too; those of `[resolver]` where there are none.
    pub servers: Vec<SocketAddr>,
    /// A set of fewer endpoints is refused.
    pub min_endpoints: usize,
    /// Why a set with an endpoint at a unix socket is refused, if it is: what is asked of endpoints is nothing that this one has.
    pub no_unix: Option<&'static str>,
}

/// How many endpoints a source names at the most: ten times what anybody runs behind one name, and a bound for what it can ask of us.
pub const MOST_ENDPOINTS: usize = 20_000;

/// What is asked for endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The addresses of a name (A and AAAA records): each is an endpoint.
    Dns {
        /// In lower case.
        host: String,
        /// Of each of them.
        port: u16,
    },
    /// The SRV records of a name (RFC 2782), in lower case.
    Srv(String),
    /// A file that somebody else writes, JSON or TOML.
    File(NamedFile),
}

/// `[resolver]`: how names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverSettings {
    /// Who is asked; those of the system where there are none.
    pub servers: Vec<SocketAddr>,
    /// An answer is good for so long at the least.
    pub min_ttl: Duration,
    /// An answer is good for so long at the most.
    pub max_ttl: Duration,
    /// How long a server may take for an answer.
    pub timeout: Duration,
}

/// `state_folder`: where is kept what is to survive a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateFolder {
    /// The one that systemd has made (`StateDirectory=`), if it has.
    Auto,
    /// Nothing is kept.
    Off,
    /// There.
    At(PathBuf),
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns { host, port } => write!(f, "dns {host}:{port}"),
            Self::Srv(name) => write!(f, "srv {name}"),
            Self::File(file) => write!(f, "file {}", file.path.display()),
        }
    }
}
