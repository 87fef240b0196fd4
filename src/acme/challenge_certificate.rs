//! The certificate that proves in a TLS handshake that a name is ours (TLS-ALPN-01, RFC 8737 §3).

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::failure::Failure;

/// The proof for `name`; `digest` is that of the key authorization.
pub(super) fn challenge_certificate(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, Failure> {
    let made = |error: rcgen::Error| Failure::new(format!("no proof can be made: {error}"));
    let key = KeyPair::generate().map_err(made)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(made)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(made)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = any_supported_type(&key).map_err(|error| Failure::new(format!("no proof can be made: {error}")))?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_one_name_and_the_digest_in_a_critical_extension() {
        let digest = [7; 32];
        let proof = challenge_certificate("site.test", &digest).unwrap();
        let leaf = webpki::EndEntityCert::try_from(&proof.cert[0]);
        // What a verifier must not pass over: the extension is critical, and none that it knows.
        assert_eq!(leaf.err(), Some(webpki::Error::UnsupportedCriticalExtension));
        assert!(proof.cert[0].windows(32).any(|window| window == digest));
        // 1.3.6.1.5.5.7.1.31, critical.
        let extension = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f, 0x01, 0x01, 0xff];
        assert!(proof.cert[0].windows(extension.len()).any(|window| window == extension));
    }
}
