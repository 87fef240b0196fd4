//! The names that a certificate is for.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::fault::CertificateError;
use super::pem_file::certificates_of;

/// The DNS names of a certificate's subjectAltName, in lower case; a certificate without any only serves as the first.
pub(super) fn dns_names(certified: &CertifiedKey) -> Vec<String> {
    names_of(certified.cert.first())
}

/// Those of the first certificate in a file.
///
/// # Errors
/// It cannot be read, or has none.
pub fn dns_names_in(chain: &Path) -> Result<Vec<String>, CertificateError> {
    Ok(names_of(certificates_of(chain)?.first()))
}

fn names_of(leaf: Option<&CertificateDer<'_>>) -> Vec<String> {
    let leaf = leaf.and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
    leaf.map(|leaf| leaf.valid_dns_names().map(str::to_ascii_lowercase).collect()).unwrap_or_default()
}
