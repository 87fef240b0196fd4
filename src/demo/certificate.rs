//! A self-signed certificate for this machine's loopback names, in a private folder that goes away with it.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use tempfile::TempDir;
use thiserror::Error;

/// Every name by which a browser on this machine reaches the demo.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The two files of a throw-away certificate; dropping it removes them.
#[derive(Debug)]
pub struct Certificate {
    /// Mode 0700; removes itself when dropped.
    folder: TempDir,
    /// In the folder.
    chain: PathBuf,
    /// In the folder, mode 0600.
    key: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum DemoCertificateError {
    /// No key could be made, or nothing signed with it.
    #[error("cannot make the demo's certificate")]
    Generate(#[source] rcgen::Error),
    /// The temporary folder or a file in it could not be written.
    #[error("cannot write the demo's certificate to the temporary folder")]
    Write(#[source] io::Error),
}

impl Certificate {
    /// Makes a new key and certificate and writes both to a new folder below the system's temporary one.
    pub fn create() -> Result<Self, DemoCertificateError> {
        let (chain_pem, key_pem) = generate().map_err(DemoCertificateError::Generate)?;
        Self::write(&chain_pem, &key_pem).map_err(DemoCertificateError::Write)
    }

    fn write(chain_pem: &str, key_pem: &str) -> io::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("windlass-demo-").permissions(Permissions::from_mode(0o700)).tempdir()?;
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        write_private(&chain, chain_pem)?;
        write_private(&key, key_pem)?;
        Ok(Self { folder, chain, key })
    }

    /// Its folder, which nobody else may look into.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate chain, a PEM file.
    pub fn chain(&self) -> &Path {
        &self.chain
    }

    /// The private key, a PEM file.
    pub fn key(&self) -> &Path {
        &self.key
    }
}

/// The chain and the key in PEM. The dates stay rcgen's (valid for ages): the files live as long as the process.
fn generate() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(NAMES.map(String::from))?;
    params.distinguished_name.push(DnType::CommonName, "windlass demo");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    #[test]
    fn rustls_takes_the_pair() {
        let certificate = Certificate::create().unwrap();
        let chain = CertificateDer::pem_file_iter(certificate.chain()).unwrap().collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(certificate.key()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    }

    #[test]
    fn nobody_else_can_read_it() {
        let certificate = Certificate::create().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(certificate.key()), 0o600);
        assert_eq!(mode(certificate.key().parent().unwrap()), 0o700);
    }

    #[test]
    fn it_leaves_nothing_behind() {
        let certificate = Certificate::create().unwrap();
        let folder = certificate.key().parent().unwrap().to_owned();
        assert!(folder.exists());
        drop(certificate);
        assert!(!folder.exists());
    }
}
