//! What is read for the TLS towards the endpoints of an upstream.

use std::sync::Arc;

use super::authority::Authority;
use super::certificates::CertifiedBundle;
use super::fault::CertificateError;
use crate::config::EndpointTlsSettings;

/// Whom an upstream's endpoints are believed to be, and what we show to those that ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointCredentials {
    /// The name that is asked for and verified; `None`: each endpoint's own.
    pub(super) name: Option<String>,
    /// Who has to have issued their certificates; `None` for anybody.
    pub(super) issuers: Option<Arc<Authority>>,
    /// SHA-256 of the certificates that they may have; none for any.
    pub(super) fingerprints: Vec<[u8; 32]>,
    /// What we show.
    pub(super) own: Option<CertifiedBundle>,
}

impl EndpointCredentials {
    /// Whether `settings` ask for whom the system believes.
    pub fn asks_the_system(settings: &EndpointTlsSettings) -> bool {
        settings.verify && settings.ca.is_none() && settings.fingerprints.is_empty()
    }

    /// Reads and checks all of what `settings` ask for. Where they give no name, endpoints have the one that they were `found` by,
    /// if by any; `system` is whom the system believes, where they [ask for that](Self::asks_the_system).
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with each of the files.
    pub fn load(
        settings: &EndpointTlsSettings,
        found: Option<&str>,
        system: Option<Arc<Authority>>,
    ) -> Result<Self, Vec<CertificateError>> {
        let issuers = match &settings.ca {
            Some(file) => Authority::load(file).map(|authority| Some(Arc::new(authority))),
            None => Ok(system),
        };
        let own = settings.certificate.as_ref().map(|files| CertifiedBundle::load(std::slice::from_ref(files)));
        match (issuers, own.transpose()) {
            (Ok(issuers), Ok(own)) => {
                let name = settings.name.clone().or_else(|| found.map(str::to_owned));
                let fingerprints = settings.fingerprints.clone();
                Ok(Self { name, issuers, fingerprints, own })
            }
            (issuers, own) => Err(own.err().into_iter().flatten().chain(issuers.err()).collect()),
        }
    }

    /// Those of a server that anybody of `issuers` has certified, for the name that it is called by.
    pub fn issued_by(issuers: Arc<Authority>) -> Self {
        Self { name: None, issuers: Some(issuers), fingerprints: Vec::new(), own: None }
    }

    /// What we show.
    pub fn own(&self) -> Option<&CertifiedBundle> {
        self.own.as_ref()
    }
}
