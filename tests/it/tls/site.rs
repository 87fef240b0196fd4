//! A certificate, a server with it, and clients that trust it.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ServerConfig, SupportedProtocolVersion};
use windlass::config::CertificateFiles;
use windlass::tls::{CertifiedBundle, Credentials, SessionTickets, TicketKeys, TlsRules, server_config};

use crate::rig::trusting;

/// What a listener for `localhost` would have.
pub(crate) struct Site {
    pub(crate) server: Arc<ServerConfig>,
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("chain.pem"), cert.pem()).unwrap();
        std::fs::write(path("key.pem"), signing_key.serialize_pem()).unwrap();
        let files = CertificateFiles::new(path("chain.pem"), path("key.pem"));
        let credentials = Credentials::of(CertifiedBundle::load(&[files]).unwrap());
        let tickets = SessionTickets::of_process(&TicketKeys::generate().unwrap());
        let server = server_config(&credentials, TlsRules::default(), &tickets);
        Self { server, folder }
    }

    /// A file of this site's: its certificate is `chain.pem`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn client_config(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        Arc::new(trusting([CertificateDer::from_pem_file(self.path("chain.pem")).unwrap()], &[version]))
    }

    /// A client's end that has said nothing yet.
    pub(crate) fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConnection {
        ClientConnection::new(self.client_config(version), localhost()).unwrap()
    }
}

pub(crate) fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}
