//! The fingerprint of a certificate that a peer shows.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::pki_types::CertificateDer;

/// The SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

impl Fingerprint {
    /// That of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut fingerprint = [0; SHA256_OUTPUT_LEN];
        let sum = digest(&SHA256, certificate);
        fingerprint.iter_mut().zip(sum.as_ref()).for_each(|(to, from)| *to = *from);
        Self(fingerprint)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; SHA256_OUTPUT_LEN]> for Fingerprint {
    fn from(fingerprint: [u8; SHA256_OUTPUT_LEN]) -> Self {
        Self(fingerprint)
    }
}

/// As `openssl x509 -fingerprint -sha256` has it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, byte)| {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02X}")
        })
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
