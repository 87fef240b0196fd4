//! Somebody who issues certificates, and the files that a configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::rig::Authority;

/// A certificate and its key.
pub(crate) struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// Issues one for these names.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| ())
    }

    /// The same, with this changed.
    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        let (certificate, key) = self.sign(params);
        Issued { certificate, key }
    }
}

impl Issued {
    /// Its SHA-256, as OpenSSL writes it.
    pub(crate) fn fingerprint(&self) -> String {
        let sum = digest(&SHA256, self.certificate.der());
        sum.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Writes the two files; their `certificate = { .. }`.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> String {
        let (chain, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&chain, self.certificate.pem()).unwrap();
        std::fs::write(&key, self.key.serialize_pem()).unwrap();
        format!("{{ chain = {chain:?}, key = {key:?} }}")
    }

    /// An endpoint that shows it, and asks for certificates of `clients`, if of anybody's.
    pub(crate) fn serving(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> ServerConfig {
        let builder = ServerConfig::builder_with_protocol_versions(versions);
        let builder = match clients {
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.der().clone()).unwrap();
                builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        let chain: Vec<CertificateDer<'static>> = vec![self.certificate.der().clone()];
        let mut config =
            builder.with_single_cert(chain, PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()).unwrap();
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
        config
    }
}

/// Writes a file.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    std::fs::write(folder.join(name), text).unwrap();
    folder.join(name)
}
