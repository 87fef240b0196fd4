//! How TLS is spoken with endpoints: the rustls configuration of an upstream, and what each of its endpoints adds to it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};

use super::endpoint_credentials::EndpointCredentials;
use super::endpoint_verifier::EndpointVerifier;
use super::fingerprint::Fingerprint;
use super::secret_log::SecretLog;
use crate::config::EndpointAddress;

/// How TLS is spoken with the endpoints of an upstream: versions 1.2 and 1.3.
#[derive(Debug)]
pub struct EndpointTls {
    credentials: EndpointCredentials,
    /// Without sessions to resume.
    config: Arc<ClientConfig>,
}

/// The sessions with one endpoint that may be resumed. Its tickets are of no use with any other, and one that is offered is
/// gone: so each has its own.
#[derive(Debug, Default)]
pub struct TlsSessions(Mutex<Option<Resumable>>);

/// A configuration with sessions.
#[derive(Debug)]
struct Resumable {
    /// What it was made of: sessions are resumed only under the same rules.
    of: Arc<ClientConfig>,
    config: Arc<ClientConfig>,
}

impl EndpointTls {
    /// What `credentials` mean.
    pub fn new(credentials: EndpointCredentials) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let fingerprints = credentials.fingerprints.iter().copied().map(Fingerprint::from).collect();
        let verifier = EndpointVerifier::new(&provider, credentials.issuers.as_deref(), fingerprints);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("aws-lc-rs has cipher suites and key exchanges for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let own = credentials.own.as_ref().and_then(|own| own.certified().first());
        let mut config = match own {
            Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(own)))),
            None => builder.with_no_client_auth(),
        };
        // After the handshake a connection is carried on with nothing but its keys.
        config.enable_secret_extraction = true;
        config.key_log = Arc::new(SecretLog);
        config.resumption = Resumption::disabled();
        Self { credentials, config: Arc::new(config) }
    }

    /// What it was made of.
    pub fn credentials(&self) -> &EndpointCredentials {
        &self.credentials
    }

    /// The configuration for a connection with the endpoint that has these `sessions`; without any where there are none.
    pub fn config(&self, sessions: Option<&TlsSessions>) -> Arc<ClientConfig> {
        let Some(sessions) = sessions else { return Arc::clone(&self.config) };
        // It holds a whole value at any time.
        let mut resumable = sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = resumable.take_if(|it| Arc::ptr_eq(&it.of, &self.config));
        let kept = same.unwrap_or_else(|| {
            let mut config = ClientConfig::clone(&self.config);
            config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(MOST_SESSIONS)));
            Resumable { of: Arc::clone(&self.config), config: Arc::new(config) }
        });
        Arc::clone(&resumable.insert(kept).config)
    }

    /// What the endpoint at `address` is asked for and verified by: the name of the upstream's endpoints, or its own host. An
    /// address is verified as one and is not asked for (RFC 6066 §3). `None` if it has no name.
    pub fn name_of(&self, address: &EndpointAddress) -> Option<ServerName<'static>> {
        let name = match (&self.credentials.name, address) {
            (Some(name), _) => name.clone(),
            (None, EndpointAddress::Name(host, _)) => host.clone(),
            (None, EndpointAddress::Socket(address)) => return Some(address.ip().into()),
            (None, EndpointAddress::Unix(_)) => return None,
        };
        ServerName::try_from(name).ok()
    }
}

/// How many sessions are kept for each endpoint, some hundred bytes each and the certificates that came with it. Who connects when
/// they are used up shakes hands in full, and brings new ones.
const MOST_SESSIONS: usize = 8;

#[cfg(test)]
mod tests;
