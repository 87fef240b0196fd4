//! What can be wrong with the files of a certificate, and what to do about it.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem;
use thiserror::Error;

use super::staple_fault::StapleFault;
use super::ticket_secret_fault::TicketSecretFault;
use crate::config::{CertificateFiles, FileError, Problem, SourceLocation};

/// A file that cannot be used, and why.
#[derive(Debug, Error)]
#[error("{}: {fault}", path.display())]
pub struct CertificateError {
    /// The file to look at.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: CertificateFault,
    /// Where the configuration names the file.
    location: Box<SourceLocation>,
}

impl CertificateError {
    pub(super) fn new(path: &Path, fault: CertificateFault) -> Self {
        Self { path: path.to_owned(), fault, location: Box::default() }
    }

    /// The same, for a file that `files` name.
    pub(super) fn named_by(self, files: &CertificateFiles) -> Self {
        let location = if self.path == files.chain { &files.chain_location } else { &files.key_location };
        Self { location: Box::new(location.0.clone()), ..self }
    }

    /// The same, for a file that is named there.
    pub(super) fn at(self, location: &SourceLocation) -> Self {
        Self { location: Box::new(location.clone()), ..self }
    }

    /// The same as a problem of the configuration.
    pub fn into_problem(self) -> Problem {
        let (text, hint) = (self.to_string(), self.fault.hint(&self.path, &self.location));
        Problem::new(*self.location, text, hint)
    }
}

/// What can be wrong with a certificate chain, a private key or the certificates of an authority.
#[derive(Debug, Error)]
pub enum CertificateFault {
    /// The file is missing, or may not be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] FileError),
    /// The file is DER, not PEM.
    #[error("is DER, not PEM")]
    Der,
    /// The file has a PEM section that is cut off or garbled.
    #[error("{}", broken_pem(.0))]
    BrokenPem(#[source] pem::Error),
    /// The chain file holds no certificate.
    #[error("holds no certificate")]
    NoCertificate,
    /// The chain file holds a private key and no certificate.
    #[error("holds a private key, but no certificate")]
    KeyInsteadOfChain,
    /// The file of an authority holds no certificate.
    #[error("holds no certificate")]
    NoAuthority,
    /// The file of an authority holds a private key and no certificate.
    #[error("holds a private key, but no certificate")]
    KeyInsteadOfAuthority,
    /// The first certificate, or any of an authority, is not X.509 version 3.
    #[error("holds a certificate that cannot be used: {0}")]
    BadCertificate(#[source] rustls::Error),
    /// The key file holds no private key.
    #[error("holds no private key")]
    NoKey,
    /// The key file holds a certificate and no private key.
    #[error("holds a certificate, but no private key")]
    ChainInsteadOfKey,
    /// The private key can only be read with a pass phrase.
    #[error("holds an encrypted private key")]
    EncryptedKey,
    /// The private key is of a kind that cannot sign a handshake.
    #[error("holds a private key that cannot be used: {0}")]
    UnusableKey(#[source] rustls::Error),
    /// The private key belongs to another certificate.
    #[error("holds a private key that does not match the certificate")]
    KeyMismatch,
    /// The file of ticket secrets is none.
    #[error("{0}")]
    TicketSecret(#[source] TicketSecretFault),
    /// The file of an OCSP response is none, or not of this certificate.
    #[error("{0}")]
    Staple(#[source] StapleFault),
    /// The private key belongs to a certificate of the chain, but not to the first.
    #[error("does not begin with the certificate that the private key belongs to")]
    LeafNotFirst,
}

impl CertificateFault {
    /// What the operator can do about it, in the file at `path` that is named at `location`.
    fn hint(&self, path: &Path, location: &SourceLocation) -> &'static str {
        match self {
            Self::Unreadable(error) => error.hint(path, location),
            Self::Der => {
                "convert it: `openssl x509 -inform der` for a certificate, `openssl pkey -inform der` for a key, `openssl pkcs12 \
                 -nodes` for both in one (.p12, .pfx)"
            }
            Self::BrokenPem(_) => "copy the file again; each section is base64 between its BEGIN and its END line",
            Self::NoAuthority => {
                "it needs the certificates of who issues those of the clients, or of the endpoints, in PEM"
            }
            Self::KeyInsteadOfAuthority => {
                "name the certificate of that key; the key itself has to stay with who issues"
            }
            Self::NoCertificate => {
                "it needs the certificate of the site, then those of its issuers, in PEM (a CERTIFICATE REQUEST is none yet)"
            }
            Self::KeyInsteadOfChain | Self::ChainInsteadOfKey => "`chain` and `key` look swapped",
            Self::BadCertificate(_) => "have it issued again as an X.509 version 3 certificate",
            Self::NoKey => "it needs a section that begins with BEGIN PRIVATE KEY, or RSA or EC PRIVATE KEY",
            Self::EncryptedKey => {
                "store it without a pass phrase, readable for windlass only: `openssl pkey -in KEY -out PLAIN`"
            }
            Self::UnusableKey(_) => "use a P-256, P-384, P-521, RSA (2048 bits or more) or Ed25519 key",
            Self::KeyMismatch => "give the key that this certificate was requested with",
            Self::TicketSecret(fault) => fault.hint(),
            Self::Staple(fault) => fault.hint(),
            Self::LeafNotFirst => "put the certificate of the site first, then those of its issuers",
        }
    }
}

/// What is wrong with a PEM section.
fn broken_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "has a PEM section without its END line",
        pem::Error::Base64Decode(_) => "has a PEM section that is not base64",
        _ => "is not well-formed PEM",
    }
}
