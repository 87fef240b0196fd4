//! What the tests of this folder share: throw-away certificates, and a client that shakes hands in memory.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, ServerConnection, SupportedCipherSuite,
    SupportedProtocolVersion,
};

use crate::config::CertificateFiles;

/// A self-signed certificate and its key, in PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Issued {
    pub(super) fn named(names: &[&str]) -> Self {
        Self::with_key(&PKCS_ECDSA_P256_SHA256, names)
    }

    pub(super) fn with_key(algorithm: &'static SignatureAlgorithm, names: &[&str]) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        Self { chain: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A folder that is gone after the test.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub(super) fn keep(&self, name: &str, issued: &Issued) -> CertificateFiles {
        CertificateFiles::new(
            self.write(&format!("{name}.pem"), &issued.chain),
            self.write(&format!("{name}.key"), &issued.key),
        )
    }
}

fn roots(issued: &[&Issued]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for issued in issued {
        roots.add(CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap()).unwrap();
    }
    roots
}

/// A client that verifies what it is shown, and remembers its sessions.
pub(super) struct Client(Arc<ClientConfig>);

impl Client {
    pub(super) fn trusting(issued: &[&Issued], version: &'static SupportedProtocolVersion, alpn: &[&[u8]]) -> Self {
        Self::with_suites(aws_lc_rs::ALL_CIPHER_SUITES.to_vec(), issued, version, alpn)
    }

    pub(super) fn with_suites(
        cipher_suites: Vec<SupportedCipherSuite>,
        issued: &[&Issued],
        version: &'static SupportedProtocolVersion,
        alpn: &[&[u8]],
    ) -> Self {
        let roots = roots(issued);
        let provider = CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() };
        Self::with_provider(provider, roots, version, alpn)
    }

    /// One that agrees on keys in these groups, the first best.
    pub(super) fn with_groups(
        kx_groups: Vec<&'static dyn SupportedKxGroup>,
        issued: &[&Issued],
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
        Self::with_provider(provider, roots(issued), version, &[])
    }

    fn with_provider(
        provider: CryptoProvider,
        roots: RootCertStore,
        version: &'static SupportedProtocolVersion,
        alpn: &[&[u8]],
    ) -> Self {
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Self(Arc::new(config))
    }

    /// The same client, but for what `change` does to it.
    pub(super) fn with(&self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        change(&mut config);
        Self(Arc::new(config))
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    /// A connection that has said nothing yet.
    pub(super) fn connect(&self, name: &str) -> ClientConnection {
        ClientConnection::new(self.config(), ServerName::try_from(name.to_owned()).unwrap()).unwrap()
    }

    /// Shakes hands until neither end has anything to say, tickets included.
    pub(super) fn shake_hands(&self, name: &str, server: &Arc<ServerConfig>) -> Result<ClientConnection, Error> {
        let mut client = self.connect(name);
        let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
        while client.wants_write() || server.wants_write() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let mut unread = wire.as_slice();
            while !unread.is_empty() {
                server.read_tls(&mut unread).unwrap();
                server.process_new_packets()?;
            }

            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut unread = wire.as_slice();
            while !unread.is_empty() {
                client.read_tls(&mut unread).unwrap();
                client.process_new_packets()?;
            }
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        Ok(client)
    }
}
