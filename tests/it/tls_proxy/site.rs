//! A TLS listener with certificates of its own making, and clients that verify them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::rig::{Config, Endpoint, Handshake, Proxy, Wire, assert_carries, trusting, within};

/// Certificate files, in a folder that is gone after the test.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: TempDir,
}

/// A client that remembers its sessions.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    connector: Arc<ClientConfig>,
}

impl Certificates {
    pub(crate) fn none() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Writes a new certificate for `host` under `name`; gives it in PEM.
    pub(crate) fn issue(&self, name: &str, host: &str, algorithm: &'static SignatureAlgorithm) -> String {
        self.issue_by(name, CertificateParams::new([host.to_owned()]).unwrap(), algorithm)
    }

    /// The same, of any age, that ends with the beginning of `year`.
    pub(crate) fn issue_until(&self, name: &str, host: &str, year: i32) -> String {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        self.issue_by(name, params, &PKCS_ECDSA_P256_SHA256)
    }

    fn issue_by(&self, name: &str, params: CertificateParams, algorithm: &'static SignatureAlgorithm) -> String {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        certificate.pem()
    }

    /// Where a file of them is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes another file beside them.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A configuration whose listener `public` has those of these names.
    pub(crate) fn before(&self, endpoint: &Endpoint, names: &[&str]) -> Config {
        Config::chat([endpoint.address()]).with("listener.public.tls", &self.tls(names))
    }

    /// The `tls` of a listener that has those of these names.
    pub(crate) fn tls(&self, names: &[&str]) -> String {
        self.tls_with(names, "")
    }

    /// The same with other keys beside them.
    pub(crate) fn tls_with(&self, names: &[&str], keys: &str) -> String {
        let folder = self.folder.path().display();
        let list: Vec<_> = names
            .iter()
            .map(|name| format!("{{ chain = \"{folder}/{name}.pem\", key = \"{folder}/{name}.key\" }}"))
            .collect();
        let comma = if keys.is_empty() { "" } else { ", " };
        format!("{{ certificates = [{}]{comma}{keys} }}", list.join(", "))
    }
}

impl Client {
    /// Trusts these certificates and nobody else.
    pub(crate) fn trusting<'a>(pems: impl IntoIterator<Item = &'a String>) -> Self {
        Self::speaking(pems, &[&rustls::version::TLS13, &rustls::version::TLS12], &[b"http/1.1"])
    }

    pub(crate) fn speaking<'a>(
        pems: impl IntoIterator<Item = &'a String>,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> Self {
        let certificates = pems.into_iter().map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap());
        let mut config = trusting(certificates, versions);
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Self { connector: Arc::new(config) }
    }

    /// The same client, but for what `change` does to it.
    pub(crate) fn with(&self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let mut config = ClientConfig::clone(&self.connector);
        change(&mut config);
        Self { connector: Arc::new(config) }
    }

    pub(crate) async fn connect(&self, address: SocketAddr, host: &str) -> std::io::Result<TlsStream<TcpStream>> {
        self.over(within("a connection", TcpStream::connect(address)).await?, host).await
    }

    /// The same over a connection that there is.
    pub(crate) async fn over(&self, stream: TcpStream, host: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let host = ServerName::try_from(host.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::clone(&self.connector));
        within("a TLS handshake", connector.connect(host, stream)).await
    }

    /// The first that it says to a server of this name.
    pub(crate) fn hello(&self, host: &str) -> Vec<u8> {
        let host = ServerName::try_from(host.to_owned()).unwrap();
        let mut hello = Vec::new();
        ClientConnection::new(Arc::clone(&self.connector), host).unwrap().write_tls(&mut hello).unwrap();
        hello
    }

    /// Opens a tunnel and exchanges a message; says how the handshake went.
    pub(crate) async fn tunnel(&self, proxy: &Proxy, host: &str, endpoint: &Endpoint) -> Secured {
        self.tunnel_to(proxy.address("public"), host, endpoint).await
    }

    /// The same with a proxy of which only the address is known.
    pub(crate) async fn tunnel_to(&self, address: SocketAddr, host: &str, endpoint: &Endpoint) -> Secured {
        let stream = self.connect(address, host).await.unwrap();
        let connection = stream.get_ref().1;
        let alpn = connection.alpn_protocol().map(<[u8]>::to_vec);
        let (kind, version) = (connection.handshake_kind().unwrap(), connection.protocol_version().unwrap());
        let (client, endpoint) = Proxy::tunnel_over(Wire::new(stream), &Handshake::new(), endpoint).await;
        let mut secured = Secured { client, endpoint, kind, version, alpn };
        secured.carries().await;
        secured
    }
}

/// A tunnel whose client speaks TLS.
#[derive(Debug)]
pub(crate) struct Secured {
    pub(crate) client: Wire<TlsStream<TcpStream>>,
    pub(crate) endpoint: Wire,
    pub(crate) kind: HandshakeKind,
    pub(crate) version: ProtocolVersion,
    pub(crate) alpn: Option<Vec<u8>>,
}

impl Secured {
    pub(crate) async fn carries(&mut self) {
        assert_carries(&mut self.client, &mut self.endpoint).await;
    }
}
