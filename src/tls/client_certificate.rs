//! What is kept of the certificate that a client shows.

use rustls::pki_types::CertificateDer;

use super::certificate_text::CertificateText;
use super::fingerprint::Fingerprint;

/// What is kept of the certificate of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What it says of its holder, where somebody wants to know.
    pub text: Option<Box<CertificateText>>,
}

impl ClientCertificate {
    /// That of a certificate whose holder nobody wants to know of.
    pub fn fingerprinted(certificate: &CertificateDer<'_>) -> Self {
        Self { fingerprint: Fingerprint::of(certificate), text: None }
    }

    /// That of a certificate, with what it says of its holder.
    pub fn described(certificate: &CertificateDer<'_>) -> Self {
        let text = Some(Box::new(CertificateText::of(certificate)));
        Self { text, ..Self::fingerprinted(certificate) }
    }
}
