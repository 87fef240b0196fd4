//! Choosing a certificate by the name that the client asks for (SNI, RFC 6066 §3).

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::alpn::ACME_TLS_ALPN;
use super::asked_name;
use super::certificates::Stapled;
use super::credentials::Credentials;
use super::dns_names::dns_names;
use super::issued::IssuedCertificates;
use super::refused_name::RefusedName;
use crate::config::UnknownNames;

/// The certificates of a listener by the DNS names that they are valid for.
///
/// An exact name beats a wildcard, and a wildcard beats nothing; within each, the order of the configuration decides,
/// except that a certificate whose key the client cannot verify gives way to one that it can: so an ECDSA and an RSA
/// certificate may share their names. Of an exact name, what stands in a file beats what was issued meanwhile.
#[derive(Debug)]
pub(super) struct CertificatesBySni {
    /// By name, in lower case.
    exact: HashMap<String, Vec<Shown>>,
    /// By what follows the `*.`, in lower case.
    wildcard: HashMap<String, Vec<Shown>>,
    /// Those that come and go while the listener is open.
    issued: Option<IssuedCertificates>,
    /// For a client that asks for no name, or for none of these; none where they are refused.
    any: Vec<Shown>,
}

/// A certificate, and what its issuer says of it.
#[derive(Clone, Debug)]
struct Shown {
    certified: Arc<CertifiedKey>,
    stapled: Option<Stapled>,
}

impl CertificatesBySni {
    pub(super) fn new(credentials: &Credentials, unknown_names: UnknownNames) -> Self {
        let (own, issued) = (&credentials.own, credentials.issued.clone());
        let mut by_sni = Self { exact: HashMap::new(), wildcard: HashMap::new(), issued, any: Vec::new() };
        for (certified, stapled) in own.certified().iter().zip(own.stapled()) {
            let shown = Shown { certified: Arc::clone(certified), stapled: stapled.clone() };
            for name in dns_names(certified) {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut by_sni.wildcard, parent.to_owned()),
                    None => (&mut by_sni.exact, name),
                };
                names.entry(name).or_default().push(shown.clone());
            }
            if unknown_names == UnknownNames::First {
                by_sni.any.push(shown);
            }
        }
        by_sni
    }

    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let named = name.and_then(|name| self.named(&name.to_ascii_lowercase(), schemes));
        named.or_else(|| verifiable(&self.any, schemes))
    }

    /// A wildcard stands for exactly one label (RFC 9525 §6.3).
    fn named(&self, name: &str, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let exact = || verifiable(self.exact.get(name)?, schemes);
        let issued = || self.issued.as_ref()?.named(name);
        let wildcard = || verifiable(self.wildcard.get(name.split_once('.')?.1)?, schemes);
        exact().or_else(issued).or_else(wildcard)
    }
}

impl ResolvesServerCert for CertificatesBySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        asked_name::note(hello.server_name());
        if self.issued.is_some() && is_challenge(&hello) {
            let proof = |name: &str| self.issued.as_ref()?.challenge(&name.to_ascii_lowercase());
            let proof = hello.server_name().and_then(proof);
            if proof.is_none() {
                RefusedName::Unknown.note();
            }
            return proof;
        }
        let chosen = self.choose(hello.server_name(), hello.signature_schemes());
        if chosen.is_none() {
            hello.server_name().map_or(RefusedName::Missing, |_| RefusedName::Unknown).note();
        }
        chosen
    }
}

impl Shown {
    /// With what the issuer says, as long as that counts.
    fn at(&self, now: UnixTime) -> Arc<CertifiedKey> {
        let stapled = self.stapled.as_ref().filter(|stapled| stapled.staple.is_shown_at(now));
        Arc::clone(stapled.map_or(&self.certified, |stapled| &stapled.certified))
    }
}

/// The first that the client can verify; the first of all where it can verify none: let the handshake say so.
fn verifiable(candidates: &[Shown], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
    let verifiable = candidates.iter().find(|shown| shown.certified.key.choose_scheme(schemes).is_some());
    verifiable.or(candidates.first()).map(|shown| shown.at(UnixTime::now()))
}

/// Whether an authority looks whether the name is ours: it offers this protocol and no other (RFC 8737 §3).
fn is_challenge(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(ACME_TLS_ALPN) && offered.next().is_none())
}

#[cfg(test)]
mod tests {
    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

    use super::*;
    use crate::tls::CertifiedBundle;
    use crate::tls::tests::{Folder, Issued};

    const ALL: [SignatureScheme; 2] = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256];

    #[test]
    fn an_exact_name_beats_a_wildcard_beats_the_first() {
        let folder = Folder::new();
        let bundle = bundle(&folder, &[&["first.test"], &["*.Site.test", "site.test"], &["CHAT.site.test"]]);
        let by_sni = by_sni(&bundle);
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

        assert_eq!(index(&bundle, by_sni(&bundle).choose(Some("site.test"), &ALL)), Some(1));
    }

    #[test]
    fn a_client_without_ecdsa_gets_the_rsa_certificate_of_that_name() {
        let folder = Folder::new();
        let ecdsa = folder.keep("ecdsa", &Issued::with_key(&PKCS_ECDSA_P256_SHA256, &["site.test"]));
        let rsa = folder.keep("rsa", &Issued::with_key(&PKCS_RSA_SHA256, &["site.test"]));
        let bundle = CertifiedBundle::load(&[ecdsa, rsa]).unwrap();
        let by_sni = by_sni(&bundle);
        let chosen = |schemes: &[SignatureScheme]| index(&bundle, by_sni.choose(Some("site.test"), schemes));

        assert_eq!(chosen(&ALL), Some(0));
        assert_eq!(chosen(&[SignatureScheme::RSA_PSS_SHA256]), Some(1));
        assert_eq!(chosen(&[SignatureScheme::ED25519]), Some(0), "nothing fits: let the handshake say so");
    }

    #[test]
    fn what_was_issued_meanwhile_comes_behind_the_exact_names_of_files_and_before_their_wildcards() {
        let folder = Folder::new();
        let bundle = bundle(&folder, &[&["first.test"], &["*.site.test"], &["both.test"]]);
        let issued = IssuedCertificates::for_names(["Chat.site.test".to_owned(), "both.test".to_owned()]);
        let credentials = Credentials { issued: Some(issued.clone()), ..Credentials::of(bundle.clone()) };
        let by_sni = CertificatesBySni::new(&credentials, UnknownNames::First);
        let new = Arc::clone(&bundle.certified()[0]);
        let chosen = |name| index(&bundle, by_sni.choose(Some(name), &ALL));

        assert_eq!(chosen("chat.site.test"), Some(1), "nothing is issued yet");
        issued.put("CHAT.site.test", Arc::clone(&new));
        issued.put("both.test", new);

        assert_eq!(chosen("chat.site.test"), Some(0));
        assert_eq!(chosen("blog.site.test"), Some(1));
        assert_eq!(chosen("both.test"), Some(2));
    }

    #[test]
    fn who_asks_for_no_name_that_is_known_may_be_shown_none() {
        let folder = Folder::new();
        let bundle = bundle(&folder, &[&["site.test"], &["*.site.test"]]);
        let by_sni = CertificatesBySni::new(&Credentials::of(bundle.clone()), UnknownNames::Refuse);
        for (name, chosen) in [
            (Some("site.test"), Some(0)),
            (Some("chat.site.test"), Some(1)),
            (Some("a.chat.site.test"), None),
            (Some("unknown.test"), None),
            (None, None),
        ] {
            assert_eq!(index(&bundle, by_sni.choose(name, &ALL)), chosen, "{name:?}");
        }
    }

    #[test]
    fn a_wildcard_is_a_whole_label() {
        let folder = Folder::new();
        let bundle = bundle(&folder, &[&["first.test"], &["ch*.site.test", "*at.site.test", "c*t.site.test"]]);

        assert_eq!(index(&bundle, by_sni(&bundle).choose(Some("chat.site.test"), &ALL)), Some(0));
    }

    fn bundle(folder: &Folder, certificates: &[&[&str]]) -> CertifiedBundle {
        let files: Vec<_> = certificates
            .iter()
            .enumerate()
            .map(|(index, names)| folder.keep(&index.to_string(), &Issued::named(names)))
            .collect();
        CertifiedBundle::load(&files).unwrap()
    }

    fn by_sni(bundle: &CertifiedBundle) -> CertificatesBySni {
        CertificatesBySni::new(&Credentials::of(bundle.clone()), UnknownNames::First)
    }

    fn index(bundle: &CertifiedBundle, chosen: Option<Arc<CertifiedKey>>) -> Option<usize> {
        chosen.and_then(|chosen| bundle.certified().iter().position(|one| Arc::ptr_eq(one, &chosen)))
    }
}
