//! Who a listener may say it is: what its session tickets are bound to.
//!
//! Who resumes a session checks no certificate: a client takes the listener for the one that it shook hands with, and we take
//! the client for the one that it was then. So a ticket is good where the certificates have the same names and the same is asked
//! of clients, and nowhere else, and outlives the renewal of a certificate of ours.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use rustls::sign::CertifiedKey;

use super::client_authority::ClientAuthority;
use super::credentials::Credentials;
use super::dns_names::dns_names;

/// Who a listener may say it is, the names of all its certificates together, in whatever order; and who its clients have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity([u8; SHA256_OUTPUT_LEN]);

impl Identity {
    /// The identity of a listener with these certificates, those that it is to have included, which asks its clients for those.
    pub(super) fn of(credentials: &Credentials) -> Self {
        let files = credentials.own.certified().iter().flat_map(|one| names(one));
        let issued = credentials.issued.iter().flat_map(|issued| issued.names()).map(|name| name.as_bytes().to_vec());
        Self::of_names(files.chain(issued).collect(), credentials.clients.as_ref())
    }

    fn of_names(names: BTreeSet<Vec<u8>>, clients: Option<&ClientAuthority>) -> Self {
        let mut digest = Context::new(&SHA256);
        let mut update = |part: &[u8]| {
            // Its length too: "ab" is not "a" and "b".
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        names.iter().for_each(|name| update(name));
        if let Some(clients) = clients {
            // No name is empty: behind this there are no more.
            update(b"");
            clients.parts().for_each(&mut update);
        }
        let mut identity = [0; SHA256_OUTPUT_LEN];
        identity.iter_mut().zip(digest.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(identity)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The DNS names of a certificate; one without any is known by its public key, and its renewal as long as that stays.
fn names(certified: &CertifiedKey) -> Vec<Vec<u8>> {
    let names: Vec<_> = dns_names(certified).into_iter().map(String::into_bytes).collect();
    if !names.is_empty() {
        return names;
    }
    let leaf = certified.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
    leaf.map(|leaf| leaf.subject_public_key_info().to_vec()).into_iter().collect()
}

#[cfg(test)]
impl Identity {
    /// That of a listener whose certificates have this name.
    pub(super) fn named(name: &str) -> Self {
        Self::of_names([name.as_bytes().to_vec()].into(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ClientCertificateSettings, NamedFile};
    use crate::tls::tests::{Folder, Issued};
    use crate::tls::{CertifiedBundle, IssuedCertificates};

    fn identity(certificates: &[&[&str]]) -> Identity {
        let folder = Folder::new();
        let files: Vec<_> = certificates
            .iter()
            .enumerate()
            .map(|(index, names)| folder.keep(&index.to_string(), &Issued::named(names)))
            .collect();
        Identity::of(&Credentials::of(CertifiedBundle::load(&files).unwrap()))
    }

    #[test]
    fn what_is_to_be_issued_is_a_name_as_any_other() {
        let issued = IssuedCertificates::for_names(["B.test".to_owned()]);
        let without_files = Credentials::of(CertifiedBundle::load(&[]).unwrap());
        assert_eq!(Identity::of(&Credentials { issued: Some(issued), ..without_files }), identity(&[&["b.test"]]));
    }

    #[test]
    fn the_same_names_are_the_same_listener_however_they_are_spread() {
        let one = identity(&[&["a.test", "b.test"]]);
        for same in
            [&[&["B.test", "a.test"][..]][..], &[&["b.test"], &["a.test"]], &[&["a.test"], &["a.test", "b.test"]]]
        {
            assert_eq!(identity(same), one, "{same:?}");
        }
    }

    #[test]
    fn other_names_are_another_listener() {
        let one = identity(&[&["a.test", "b.test"]]);
        for other in [&["a.test"][..], &["a.test", "b.test", "c.test"], &["a.testb.test"], &["*.test", "a.test"]] {
            assert_ne!(identity(&[other]), one, "{other:?}");
        }
    }

    #[test]
    fn who_asks_other_clients_is_another_listener() {
        let folder = Folder::new();
        let authority = |name: &str, is_required| {
            let path = folder.write("clients.pem", Issued::named(&[name]).chain);
            let ca = NamedFile { path, location: Default::default() };
            ClientAuthority::load(&ClientCertificateSettings { ca, is_required, tells_endpoints: false }).unwrap()
        };
        let of = |clients| Identity::of_names([b"a.test".to_vec()].into(), clients);
        let (required, optional, other) = (authority("ca", true), authority("ca", false), authority("ca", true));
        let identities = [of(None), of(Some(&required)), of(Some(&optional)), of(Some(&other))];
        for (index, one) in identities.iter().enumerate() {
            assert!(!identities[..index].contains(one), "{index}");
        }
    }

    #[test]
    fn certificates_without_names_differ_by_their_keys() {
        assert_ne!(identity(&[&["192.0.2.1"]]), identity(&[&["192.0.2.1"]]));
        assert_ne!(identity(&[&["192.0.2.1"]]), identity(&[]));
    }
}
