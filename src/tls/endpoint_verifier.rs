//! Whether the certificate that an endpoint shows is good.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use thiserror::Error;

use super::authority::Authority;
use super::fingerprint::Fingerprint;

/// What decides whether a certificate is good: who has issued it, for which name and until when; or that it is a given one; or
/// both. Where nothing is asked for, any will do. That whoever shows it has its key is verified in any case.
#[derive(Debug)]
pub(super) struct EndpointVerifier {
    issuers: Option<Arc<WebPkiServerVerifier>>,
    /// Those that it may be; none for any.
    fingerprints: Vec<Fingerprint>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A certificate that is none of those that it may be.
#[derive(Clone, Copy, Debug, Error)]
#[error("the certificate has the fingerprint {0}")]
pub struct WrongFingerprint(pub Fingerprint);

impl EndpointVerifier {
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        issuers: Option<&Authority>,
        fingerprints: Vec<Fingerprint>,
    ) -> Self {
        let verifier = |issuers: &Authority| {
            WebPkiServerVerifier::builder_with_provider(Arc::clone(issuers.roots()), Arc::clone(provider))
                .build()
                .expect("there is an authority, and there are no lists of what was revoked")
        };
        let algorithms = provider.signature_verification_algorithms;
        Self { issuers: issuers.map(verifier), fingerprints, algorithms }
    }
}

impl ServerCertVerifier for EndpointVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.fingerprints.is_empty() {
            let shown = Fingerprint::of(own);
            if !self.fingerprints.contains(&shown) {
                return Err(CertificateError::Other(OtherError(Arc::new(WrongFingerprint(shown)))).into());
            }
        }
        match &self.issuers {
            Some(issuers) => issuers.verify_server_cert(own, between, name, ocsp_response, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
