//! Somebody who issues certificates of clients.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::site::Client;

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a client shows, and its key.
pub(crate) struct Shown {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues one.
    pub(crate) fn issue(&self, name: &str) -> Shown {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        Shown { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }
}

impl Shown {
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
