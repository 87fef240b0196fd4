//! The way of a client's certificate, and of the name that it asks for, out of the handshake.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;

/// Where a handshake leaves what its client has shown, if it has shown anything. A connection keeps none: after its handshake it
/// has no room for what is looked at once.
#[derive(Clone, Debug, Default)]
pub struct ShownCertificate(Arc<Shown>);

#[derive(Debug, Default)]
struct Shown {
    certificate: OnceLock<CertificateDer<'static>>,
    server_name: OnceLock<Arc<str>>,
}

impl ShownCertificate {
    /// The handshake is over, and this is the chain that came with it, the client's own first; of a session that was resumed, the
    /// one of its first handshake.
    pub(super) fn note(&self, chain: Option<&[CertificateDer<'_>]>) {
        if let Some(own) = chain.and_then(<[_]>::first) {
            self.0.certificate.get_or_init(|| own.clone().into_owned());
        }
    }

    /// The certificate; `None` before the handshake is over, and where nothing was shown.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.0.certificate.get()
    }

    /// The client asks for this name (SNI, RFC 6066 §3).
    pub(super) fn note_server_name(&self, name: &str) {
        self.0.server_name.get_or_init(|| name.into());
    }

    /// The name that it asks for.
    pub fn server_name(&self) -> Option<&Arc<str>> {
        self.0.server_name.get()
    }
}
