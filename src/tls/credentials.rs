//! What a listener is given for its TLS.

use super::certificates::CertifiedBundle;
use super::client_authority::ClientAuthority;
use super::fault::CertificateError;
use super::issued::IssuedCertificates;
use super::ticket_secrets::TicketSecrets;
use crate::config::{ClientCertificateSettings, TlsSettings};

/// What a listener shows to its clients, and what it asks them for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// What it shows.
    pub own: CertifiedBundle,
    /// What it asks for; `None` for nothing.
    pub clients: Option<ClientAuthority>,
    /// What it shows besides, that no file has.
    pub issued: Option<IssuedCertificates>,
    /// What its session tickets are sealed with; `None`: with the keys of this process.
    pub ticket_secrets: Option<TicketSecrets>,
}

impl Credentials {
    /// Those of a listener that shows these and asks for nothing.
    pub fn of(own: CertifiedBundle) -> Self {
        Self { own, clients: None, issued: None, ticket_secrets: None }
    }

    /// Reads and checks all of it.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with each of the files.
    pub fn load(tls: &TlsSettings, clients: Option<&ClientCertificateSettings>) -> Result<Self, Vec<CertificateError>> {
        let own = CertifiedBundle::load(&tls.certificates);
        let clients = clients.map(ClientAuthority::load).transpose();
        let secrets = tls.ticket_secret.as_ref().map(TicketSecrets::load).transpose();
        match (own, clients, secrets) {
            (Ok(own), Ok(clients), Ok(ticket_secrets)) => Ok(Self { clients, ticket_secrets, ..Self::of(own) }),
            (own, clients, secrets) => {
                Err(own.err().into_iter().flatten().chain(clients.err()).chain(secrets.err()).collect())
            }
        }
    }
}
