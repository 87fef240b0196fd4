//! The names that a certificate is for.

use rustls::sign::CertifiedKey;

/// The DNS names of a certificate's subjectAltName, in lower case; a certificate without any only serves as the first.
pub(super) fn dns_names(certified: &CertifiedKey) -> Vec<String> {
    let leaf = certified.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
    leaf.map(|leaf| leaf.valid_dns_names().map(str::to_ascii_lowercase).collect()).unwrap_or_default()
}
