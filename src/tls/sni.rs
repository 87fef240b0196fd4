//! Choosing a certificate by the name that the client asks for (SNI, RFC 6066 §3).

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificates::CertifiedBundle;

/// The certificates of a listener by the DNS names that they are valid for.
///
/// An exact name beats a wildcard, and a wildcard beats nothing; within each, the order of the configuration decides,
/// except that a certificate whose key the client cannot verify gives way to one that it can: so an ECDSA and an RSA
/// certificate may share their names.
#[derive(Debug)]
pub(super) struct CertificatesBySni {
    /// By name, in lower case.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows the `*.`, in lower case.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For a client that asks for no name, or for none of these.
    any: Vec<Arc<CertifiedKey>>,
}

impl CertificatesBySni {
    pub(super) fn new(bundle: &CertifiedBundle) -> Self {
        let any = bundle.certified().to_vec();
        let mut by_sni = Self { exact: HashMap::new(), wildcard: HashMap::new(), any: Vec::new() };
        for certified in &any {
            for name in dns_names(certified) {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut by_sni.wildcard, parent.to_owned()),
                    None => (&mut by_sni.exact, name),
                };
                names.entry(name).or_default().push(Arc::clone(certified));
            }
        }
        Self { any, ..by_sni }
    }

    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let candidates = name.and_then(|name| self.named(&name.to_ascii_lowercase())).unwrap_or(&self.any);
        let verifiable = candidates.iter().find(|certified| certified.key.choose_scheme(schemes).is_some());
        verifiable.or(candidates.first())
    }

    /// A wildcard stands for exactly one label (RFC 9525 §6.3).
    fn named(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let under_wildcard = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        self.exact.get(name).or_else(under_wildcard)
    }
}

impl ResolvesServerCert for CertificatesBySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).cloned()
    }
}

/// The DNS names of a certificate's subjectAltName, in lower case; a certificate without any only serves as the first.
pub(super) fn dns_names(certified: &CertifiedKey) -> Vec<String> {
    let leaf = certified.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
    leaf.map(|leaf| leaf.valid_dns_names().map(str::to_ascii_lowercase).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

    use super::*;
    use crate::tls::tests::{Folder, Issued};

    const ALL: [SignatureScheme; 2] = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256];

    #[test]
    fn an_exact_name_beats_a_wildcard_beats_the_first() {
        let folder = Folder::new();
        let bundle = bundle(&folder, &[&["first.test"], &["*.Site.test", "site.test"], &["CHAT.site.test"]]);
        let by_sni = CertificatesBySni::new(&bundle);
        let chosen = |name| index(&bundle, by_sni.choose(name, &ALL));

        assert_eq!(chosen(Some("chat.site.test")), Some(2));
        assert_eq!(chosen(Some("Chat.Site.Test")), Some(2));
        assert_eq!(chosen(Some("blog.site.test")), Some(1));
        assert_eq!(chosen(Some("site.test")), Some(1));
        assert_eq!(chosen(Some("first.test")), Some(0));
        assert_eq!(chosen(Some("a.blog.site.test")), Some(0), "a wildcard stands for one label");
        assert_eq!(chosen(Some("unknown.test")), Some(0));
        assert_eq!(chosen(Some("test")), Some(0));
        assert_eq!(chosen(None), Some(0));
    }

    #[test]
    fn of_two_with_the_same_name_the_first_is_served() {
        let folder = Folder::new();
        let bundle = bundle(&folder, &[&["other.test"], &["site.test"], &["site.test"]]);

        assert_eq!(index(&bundle, CertificatesBySni::new(&bundle).choose(Some("site.test"), &ALL)), Some(1));
    }

    #[test]
    fn a_client_without_ecdsa_gets_the_rsa_certificate_of_that_name() {
        let folder = Folder::new();
        let ecdsa = folder.keep("ecdsa", &Issued::with_key(&PKCS_ECDSA_P256_SHA256, &["site.test"]));
        let rsa = folder.keep("rsa", &Issued::with_key(&PKCS_RSA_SHA256, &["site.test"]));
        let bundle = CertifiedBundle::load(&[ecdsa, rsa]).unwrap();
        let by_sni = CertificatesBySni::new(&bundle);
        let chosen = |schemes: &[SignatureScheme]| index(&bundle, by_sni.choose(Some("site.test"), schemes));

        assert_eq!(chosen(&ALL), Some(0));
        assert_eq!(chosen(&[SignatureScheme::RSA_PSS_SHA256]), Some(1));
        assert_eq!(chosen(&[SignatureScheme::ED25519]), Some(0), "nothing fits: let the handshake say so");
    }

    fn bundle(folder: &Folder, certificates: &[&[&str]]) -> CertifiedBundle {
        let files: Vec<_> = certificates
            .iter()
            .enumerate()
            .map(|(index, names)| folder.keep(&index.to_string(), &Issued::named(names)))
            .collect();
        CertifiedBundle::load(&files).unwrap()
    }

    fn index(bundle: &CertifiedBundle, chosen: Option<&Arc<CertifiedKey>>) -> Option<usize> {
        chosen.and_then(|chosen| bundle.certified().iter().position(|one| Arc::ptr_eq(one, chosen)))
    }
}
