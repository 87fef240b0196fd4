//! What clients show, and who has issued it.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::site::Client;
use crate::rig::Authority;

/// What a client shows, and its key.
pub(crate) struct Shown {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// Issues one for a client.
    pub(crate) fn issue_to_client(&self, name: &str) -> Shown {
        self.issue_to_client_with(name, Vec::new())
    }

    /// Issues one for a client that has a URI too.
    pub(crate) fn issue_to_client_named(&self, name: &str, uri: &str) -> Shown {
        self.issue_to_client_with(name, vec![SanType::URI(uri.try_into().unwrap())])
    }

    fn issue_to_client_with(&self, name: &str, names: Vec<SanType>) -> Shown {
        let mut params = CertificateParams::default();
        // rcgen's own default is a name, too.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (certificate, key) = self.sign(params);
        Shown { certificate, key }
    }
}

impl Shown {
    pub(crate) fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

impl Client {
    /// The same client, which shows this whoever asks.
    pub(crate) fn showing(&self, shown: &Shown) -> Self {
        let chain = vec![shown.certificate.der().clone()];
        let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
        let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).unwrap();
        self.with(|config| config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified)))
    }
}
