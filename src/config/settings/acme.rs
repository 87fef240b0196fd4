//! `listener.NAME.tls.acme`, as meant.

use std::path::PathBuf;

use super::named_file::NamedFile;
use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// `listener.NAME.tls.acme`: certificates that are had from an ACME directory (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeSettings {
    /// Whom the directory may write to, a URL; `None` for nobody.
    pub contact: Option<String>,
    /// Where the directory is, an `https` URL.
    pub directory: String,
    /// Where the account and the certificates are kept.
    pub storage: AcmeStorage,
    /// How it is shown that the names are ours.
    pub challenge: AcmeChallenge,
    /// The DNS names, in lower case; a certificate each. At least one.
    pub names: Vec<String>,
    /// Who has to have issued the certificate of the directory's own server; `None` for whom the system believes.
    pub ca: Option<NamedFile>,
    /// The account elsewhere that ours is bound to (RFC 8555 §7.3.4); `None` where the directory asks for none.
    pub eab: Option<ExternalAccountSettings>,
    /// Where it is written, for problems that only show when it is used.
    pub location: NotCompared<SourceLocation>,
}

impl AcmeSettings {
    /// Whether a name would be ordered in the same way by the other, whatever the names of each are.
    pub fn is_ordered_alike(&self, other: &Self) -> bool {
        Self { names: other.names.clone(), ..self.clone() } == *other
    }
}

/// `listener.NAME.tls.acme.storage`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcmeStorage {
    /// In the folder `acme` below the state folder.
    InStateFolder,
    /// There.
    At(PathBuf),
}

/// `listener.NAME.tls.acme.challenge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// By a certificate in a TLS handshake (RFC 8737).
    TlsAlpn01,
    /// By the answer to a request over plain HTTP (RFC 8555 §8.3).
    Http01,
}

/// `listener.NAME.tls.acme.eab`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccountSettings {
    /// The identifier of its key.
    pub kid: String,
    /// The file with its key, in base64url, as the directory's operator gives it.
    pub hmac_key: NamedFile,
}
