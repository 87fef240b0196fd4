//! Who is believed to issue certificates: what a file holds, or whom the system believes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::RootCertStore;

use super::fault::{CertificateError, CertificateFault};
use super::pem_file::certificates_of;
use crate::config::NamedFile;

/// Who is believed to issue certificates. Two are equal if they are the same, in whatever order a file has them.
#[derive(Clone, Debug)]
pub struct Authority {
    /// At least one.
    roots: Arc<RootCertStore>,
    /// What `roots` was made of.
    certificates: BTreeSet<Vec<u8>>,
}

impl Authority {
    /// Reads the certificates in a file.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(file: &NamedFile) -> Result<Self, CertificateError> {
        let fault = |fault| CertificateError::new(&file.path, fault).at(&file.location);
        let certificates = certificates_of(&file.path).map_err(|error| match error.fault {
            CertificateFault::NoCertificate => fault(CertificateFault::NoAuthority),
            CertificateFault::KeyInsteadOfChain => fault(CertificateFault::KeyInsteadOfAuthority),
            _ => error.at(&file.location),
        })?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| fault(CertificateFault::BadCertificate(error)))?;
        }
        Ok(Self { roots: Arc::new(roots), certificates: certificates.iter().map(|it| it.to_vec()).collect() })
    }

    /// Reads whom the system believes, unless that is nobody; and says what of it cannot be read.
    ///
    /// Blocks on the file system.
    pub fn of_system() -> (Option<Self>, Vec<String>) {
        let found = rustls_native_certs::load_native_certs();
        let unread = found.errors.iter().map(ToString::to_string).collect();
        let mut roots = RootCertStore::empty();
        let certificates = found.certs.iter().map(|it| it.to_vec()).collect();
        // Systems have some that are no X.509 version 3: nobody needs them.
        roots.add_parsable_certificates(found.certs);
        ((!roots.is_empty()).then(|| Self { roots: Arc::new(roots), certificates }), unread)
    }

    pub(super) fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }

    /// What tells it from any other, byte by byte.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }
}

impl Eq for Authority {}
