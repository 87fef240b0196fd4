//! What can be wrong with the files of a certificate, and what to do about it.

use std::path::{Path, PathBuf};
use std::{error, fmt, io};

use rustls::pki_types::pem;

use crate::config::{CertificateFiles, Problem, SourceLocation};

/// A file that cannot be used, and why.
#[derive(Debug)]
pub struct CertificateError {
    /// The file to look at.
    pub path: PathBuf,
    /// What is wrong with it.
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

    /// The same as a problem of the configuration.
    pub fn into_problem(self) -> Problem {
        let (text, hint) = (self.to_string(), self.hint());
        Problem::new(*self.location, text, hint)
    }

    /// Where a relative path starts is of use only where the file could be meant by one.
    fn hint(&self) -> &'static str {
        let folder = self.location.file.parent().unwrap_or(Path::new(""));
        match &self.fault {
            CertificateFault::Unreadable(error)
                if error.kind() == io::ErrorKind::NotFound && self.path.starts_with(folder) =>
            {
                "name a file that is there; a relative path starts at the folder of the configuration file"
            }
            fault => fault.hint(),
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

impl error::Error for CertificateError {}

/// What can be wrong with a certificate chain or a private key.
#[derive(Debug)]
pub enum CertificateFault {
    /// The file is missing, or may not be read.
    Unreadable(io::Error),
    /// The file is DER, not PEM.
    Der,
    /// The file has a PEM section that is cut off or garbled.
    BrokenPem(pem::Error),
    /// The chain file holds no certificate.
    NoCertificate,
    /// The chain file holds a private key and no certificate.
    KeyInsteadOfChain,
    /// The first certificate is not X.509 version 3.
    BadCertificate(rustls::Error),
    /// The key file holds no private key.
    NoKey,
    /// The key file holds a certificate and no private key.
    ChainInsteadOfKey,
    /// The private key can only be read with a pass phrase.
    EncryptedKey,
    /// The private key is of a kind that cannot sign a handshake.
    UnusableKey(rustls::Error),
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// The private key belongs to a certificate of the chain, but not to the first.
    LeafNotFirst,
}

impl CertificateFault {
    /// What the operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "let the user that windlass runs as read it, and enter the folders above it"
                }
                io::ErrorKind::NotFound => "name a file that is there",
                io::ErrorKind::IsADirectory => "name the file in this folder",
                _ => "name a file that can be read, such as with `cat`",
            },
            Self::Der => {
                "convert it: `openssl x509 -inform der` for a certificate, `openssl pkey -inform der` for a key"
            }
            Self::BrokenPem(_) => "copy the file again; each section is base64 between its BEGIN and its END line",
            Self::NoCertificate => "it needs the certificate of the site, then those of its issuers, in PEM",
            Self::KeyInsteadOfChain | Self::ChainInsteadOfKey => "`chain` and `key` look swapped",
            Self::BadCertificate(_) => "have it issued again as an X.509 version 3 certificate",
            Self::NoKey => "it needs a section that begins with BEGIN PRIVATE KEY, or RSA or EC PRIVATE KEY",
            Self::EncryptedKey => {
                "store it without a pass phrase, readable for windlass only: `openssl pkey -in KEY -out PLAIN`"
            }
            Self::UnusableKey(_) => "use a P-256, P-384, P-521, RSA (2048 bits or more) or Ed25519 key",
            Self::KeyMismatch => "give the key that this certificate was requested with",
            Self::LeafNotFirst => "put the certificate of the site first, then those of its issuers",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::Der => f.write_str("is DER, not PEM"),
            Self::BrokenPem(error) => match error {
                pem::Error::MissingSectionEnd { .. } => f.write_str("has a PEM section without its END line"),
                pem::Error::Base64Decode(_) => f.write_str("has a PEM section that is not base64"),
                _ => f.write_str("is not well-formed PEM"),
            },
            Self::NoCertificate => f.write_str("holds no certificate"),
            Self::KeyInsteadOfChain => f.write_str("holds a private key, but no certificate"),
            Self::BadCertificate(error) => write!(f, "holds a certificate that cannot be used: {error}"),
            Self::NoKey => f.write_str("holds no private key"),
            Self::ChainInsteadOfKey => f.write_str("holds a certificate, but no private key"),
            Self::EncryptedKey => f.write_str("holds an encrypted private key"),
            Self::UnusableKey(error) => write!(f, "holds a private key that cannot be used: {error}"),
            Self::KeyMismatch => f.write_str("holds a private key that does not match the certificate"),
            Self::LeafNotFirst => f.write_str("does not begin with the certificate that the private key belongs to"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(path: &str, kind: io::ErrorKind) -> String {
        let location = SourceLocation { file: "/etc/windlass/windlass.toml".into(), ..SourceLocation::default() };
        let fault = CertificateFault::Unreadable(kind.into());
        let error = CertificateError { location: Box::new(location), ..CertificateError::new(Path::new(path), fault) };
        error.into_problem().hint().to_owned()
    }

    #[test]
    fn where_relative_paths_start_is_said_only_of_files_that_one_could_name() {
        let start = "a relative path starts at";
        assert!(hint("/etc/windlass/tls/chat.pem", io::ErrorKind::NotFound).contains(start));
        assert_eq!(hint("/srv/chat.pem", io::ErrorKind::NotFound), "name a file that is there");
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::IsADirectory, io::ErrorKind::InvalidFilename] {
            assert!(!hint("/etc/windlass/tls/chat.pem", kind).contains(start), "{kind}");
        }
    }
}
