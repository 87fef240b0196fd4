//! A file that the configuration names, and where it does.

use std::path::PathBuf;

use crate::config::not_compared::NotCompared;
use crate::config::problem::SourceLocation;

/// A file that one key names, as an absolute path or relative to the configuration file's folder (already joined).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where it is written, for problems found in it.
    pub location: NotCompared<SourceLocation>,
}

/// The files of one certificate, as absolute paths or relative to the configuration file's folder (already joined).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate chain, leaf first.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// What its issuer says of whether it is revoked (OCSP, RFC 6960), in DER; clients are shown it in the handshake.
    pub ocsp: Option<NamedFile>,
    /// Where `chain` is written, for problems found in the file it names.
    pub chain_location: NotCompared<SourceLocation>,
    /// Where `key` is written.
    pub key_location: NotCompared<SourceLocation>,
}

impl CertificateFiles {
    /// Two files that are written nowhere in a configuration.
    pub fn new(chain: PathBuf, key: PathBuf) -> Self {
        Self { chain, key, ocsp: None, chain_location: NotCompared::default(), key_location: NotCompared::default() }
    }
}
