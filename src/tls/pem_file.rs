//! What a PEM file holds: certificates, or a private key.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::sign::SigningKey;
use zeroize::Zeroizing;

use super::fault::{CertificateError, CertificateFault};
use super::key_text::with_private_key;
use crate::config::read_file;

/// Its certificates, at least one, in the order of the file.
pub(super) fn certificates_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let fault = |fault| CertificateError::new(path, fault);
    let bytes = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| fault(CertificateFault::BrokenPem(error)))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    Err(fault(if mentions(&bytes, "PRIVATE KEY-----") {
        CertificateFault::KeyInsteadOfChain
    } else {
        CertificateFault::NoCertificate
    }))
}

/// Its private key.
pub(super) fn key_of(path: &Path) -> Result<Arc<dyn SigningKey>, CertificateError> {
    let fault = |fault| CertificateError::new(path, fault);
    let bytes = read(path)?;
    // PKCS #8 says it in the label (RFC 5958), the older forms in a header (RFC 1421), which is not base64.
    if mentions(&bytes, "BEGIN ENCRYPTED PRIVATE KEY") || mentions(&bytes, "Proc-Type: 4,ENCRYPTED") {
        return Err(fault(CertificateFault::EncryptedKey));
    }
    let usable = with_private_key(&bytes, any_supported_type).map_err(|error| {
        fault(match error {
            pem::Error::NoItemsFound if mentions(&bytes, "BEGIN CERTIFICATE") => CertificateFault::ChainInsteadOfKey,
            pem::Error::NoItemsFound => CertificateFault::NoKey,
            error => CertificateFault::BrokenPem(error),
        })
    })?;
    usable.map_err(|error| fault(CertificateFault::UnusableKey(error)))
}

/// The bytes of a file, which are wiped after use: either file may hold a key.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let bytes = read_file(path)
        .map(Zeroizing::new)
        .map_err(|error| CertificateError::new(path, CertificateFault::Unreadable(error)))?;
    // A sequence whose length takes one or two bytes: every certificate, every key but Ed25519's.
    if matches!(bytes.as_slice(), [0x30, 0x81 | 0x82, ..]) {
        return Err(CertificateError::new(path, CertificateFault::Der));
    }
    Ok(bytes)
}

fn mentions(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
