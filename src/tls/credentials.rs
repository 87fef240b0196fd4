//! What a listener is given for its TLS.

use super::certificates::CertifiedBundle;
use super::client_authority::ClientAuthority;
use super::fault::CertificateError;
use crate::config::{CertificateFiles, ClientCertificateSettings};

/// What a listener shows to its clients, and what it asks them for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// What it shows.
    pub own: CertifiedBundle,
    /// What it asks for; `None` for nothing.
    pub clients: Option<ClientAuthority>,
}

impl Credentials {
    /// Reads and checks all of it.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with each of the files.
    pub fn load(
        certificates: &[CertificateFiles],
        clients: Option<&ClientCertificateSettings>,
    ) -> Result<Self, Vec<CertificateError>> {
        match (CertifiedBundle::load(certificates), clients.map(ClientAuthority::load).transpose()) {
            (Ok(own), Ok(clients)) => Ok(Self { own, clients }),
            (own, clients) => Err(own.err().into_iter().flatten().chain(clients.err()).collect()),
        }
    }
}
