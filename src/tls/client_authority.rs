//! What a listener asks its clients for: a certificate, and of whom.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::authority::Authority;
use super::fault::CertificateError;
use crate::config::ClientCertificateSettings;

/// Who issues the certificates of clients, and whether each client must show one.
///
/// Two are equal if they ask for the same, in whatever order the file has the certificates.
#[derive(Clone, Debug)]
pub struct ClientAuthority {
    issuers: Authority,
    /// Whoever shows none is refused.
    is_required: bool,
}

impl ClientAuthority {
    /// Reads what `settings` ask for.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn load(settings: &ClientCertificateSettings) -> Result<Self, CertificateError> {
        Ok(Self { issuers: Authority::load(&settings.ca)?, is_required: settings.is_required })
    }

    /// What decides whether a certificate is good. What a client shows with it to lead there may be between the two.
    pub(super) fn verifier(&self, provider: &Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier> {
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(self.issuers.roots()), Arc::clone(provider));
        let builder = if self.is_required { builder } else { builder.allow_unauthenticated() };
        builder.build().expect("there is an authority, and there are no lists of what was revoked")
    }

    /// What tells it from any other, byte by byte.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let demand: &[u8] = if self.is_required { b"required" } else { b"optional" };
        std::iter::once(demand).chain(self.issuers.parts())
    }
}

impl PartialEq for ClientAuthority {
    fn eq(&self, other: &Self) -> bool {
        self.parts().eq(other.parts())
    }
}

impl Eq for ClientAuthority {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NamedFile;
    use crate::tls::tests::{Folder, Issued};

    fn asked(folder: &Folder, text: &str, is_required: bool) -> ClientCertificateSettings {
        let ca = NamedFile { path: folder.write("clients.pem", text), location: Default::default() };
        ClientCertificateSettings { ca, is_required, tells_endpoints: false }
    }

    #[test]
    fn two_are_equal_if_they_ask_for_the_same() {
        let folder = Folder::new();
        let [one, other] = ["one.test", "other.test"].map(|name| Issued::named(&[name]).chain);
        let load = |text: &str, is_required| ClientAuthority::load(&asked(&folder, text, is_required)).unwrap();
        let both = load(&format!("{one}{other}"), true);
        assert_eq!(both, load(&format!("{other}\n{one}{one}"), true));
        for different in [load(&one, true), load(&other, true), load(&format!("{one}{other}"), false)] {
            assert_ne!(both, different);
        }
    }

    #[test]
    fn a_fault_names_the_file_and_what_to_do() {
        let folder = Folder::new();
        let Issued { chain, key } = Issued::named(&["site.test"]);
        let not_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (text, said, hint) in [
            ("", "clients.pem: holds no certificate", "it needs the certificates of who issues those of the clients"),
            (&key, "clients.pem: holds a private key, but no certificate", "the key itself has to stay"),
            (not_x509, "clients.pem: holds a certificate that cannot be used", "X.509"),
            (chain.split("-----END").next().unwrap(), "clients.pem: has a PEM section without its END line", "copy"),
        ] {
            let settings = asked(&folder, text, true);
            for error in [ClientAuthority::load(&settings).unwrap_err(), Authority::load(&settings.ca).unwrap_err()] {
                let problem = error.into_problem();
                assert!(problem.problem().contains(said), "{problem}");
                assert!(problem.hint().contains(hint), "{problem}");
            }
        }
    }
}
