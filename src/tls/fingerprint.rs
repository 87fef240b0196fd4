//! The fingerprint of the certificate that a client shows, and its way out of the handshake.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::pki_types::CertificateDer;

/// The SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

/// Where a handshake leaves what its client has shown, if it has shown anything. A connection keeps none: after its handshake it
/// has no room for what is looked at once.
#[derive(Clone, Debug, Default)]
pub struct ShownCertificate(Arc<OnceLock<Fingerprint>>);

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

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl ShownCertificate {
    /// The handshake is over, and this is the chain that came with it, the client's own first; of a session that was resumed, the
    /// one of its first handshake.
    pub(super) fn note(&self, chain: Option<&[CertificateDer<'_>]>) {
        if let Some(own) = chain.and_then(<[_]>::first) {
            self.0.get_or_init(|| Fingerprint::of(own));
        }
    }

    /// The fingerprint; `None` before the handshake is over, and where nothing was shown.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.0.get().copied()
    }
}
