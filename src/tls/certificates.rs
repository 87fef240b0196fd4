//! Certificate chains and private keys, from PEM files to what can be served.

use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::fault::{CertificateError, CertificateFault};
use super::pem_file::{certificates_of, key_of};
use super::staple::Staple;
use crate::config::CertificateFiles;

/// Every certificate of a listener, each with the key that fits it; at least the one that serves clients without SNI.
///
/// Two bundles are equal if they hold the same chains, and what their issuers say of them, in the same order. The keys are then equal too, because each
/// fits its certificate: so a reload can tell a certificate that changed from a file that was only touched.
#[derive(Clone, Debug)]
pub struct CertifiedBundle {
    certified: Vec<Arc<CertifiedKey>>,
    /// The same with what its issuer says of it, for each that has that.
    stapled: Vec<Option<Stapled>>,
}

/// A certificate with what its issuer says of it.
#[derive(Clone, Debug)]
pub(super) struct Stapled {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) staple: Arc<Staple>,
}

impl CertifiedBundle {
    /// Reads and checks every certificate; on failure, returns what is wrong with each of them.
    ///
    /// Blocks on the file system.
    pub fn load(certificates: &[CertificateFiles]) -> Result<Self, Vec<CertificateError>> {
        let mut bundle = Self { certified: Vec::with_capacity(certificates.len()), stapled: Vec::new() };
        let mut errors = Vec::new();
        for files in certificates {
            let loaded =
                load_one(files).map_err(|wrong| wrong.into_iter().map(|error| error.named_by(files)).collect());
            match loaded.and_then(|one| Ok((load_staple(files, &one).map_err(|error| vec![error])?, one))) {
                Ok((stapled, one)) => {
                    bundle.certified.push(Arc::new(one));
                    bundle.stapled.push(stapled);
                }
                Err(wrong) => errors.extend::<Vec<_>>(wrong),
            }
        }
        if errors.is_empty() { Ok(bundle) } else { Err(errors) }
    }

    /// The certificates in the order of the configuration.
    pub(super) fn certified(&self) -> &[Arc<CertifiedKey>] {
        &self.certified
    }

    /// What their issuers say of them, in the same order.
    pub(super) fn stapled(&self) -> &[Option<Stapled>] {
        &self.stapled
    }
}

impl PartialEq for CertifiedBundle {
    fn eq(&self, other: &Self) -> bool {
        let chains = |bundle: &Self| bundle.certified.iter().map(|one| one.cert.clone()).collect::<Vec<_>>();
        let staples = |bundle: &Self| {
            bundle.stapled.iter().map(|one| Some(Arc::clone(&one.as_ref()?.staple))).collect::<Vec<_>>()
        };
        chains(self) == chains(other) && staples(self) == staples(other)
    }
}

impl Eq for CertifiedBundle {}

/// The same with what its issuer says of it, where a file has that.
fn load_staple(files: &CertificateFiles, certified: &CertifiedKey) -> Result<Option<Stapled>, CertificateError> {
    let (Some(file), Some(leaf)) = (&files.ocsp, certified.cert.first()) else { return Ok(None) };
    let staple = Arc::new(Staple::load(file, leaf)?);
    let certified = Arc::new(CertifiedKey { ocsp: Some(staple.der.clone()), ..certified.clone() });
    Ok(Some(Stapled { certified, staple }))
}

fn load_one(files: &CertificateFiles) -> Result<CertifiedKey, Vec<CertificateError>> {
    let (chain, key) = match (certificates_of(&files.chain), key_of(&files.key)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err([chain.err(), key.err()].into_iter().flatten().collect()),
    };
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) if belongs_to_an_issuer(&certified) => {
            Err(vec![CertificateError::new(&files.chain, CertificateFault::LeafNotFirst)])
        }
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(vec![CertificateError::new(&files.key, CertificateFault::KeyMismatch)])
        }
        Err(error) => Err(vec![CertificateError::new(&files.chain, CertificateFault::BadCertificate(error))]),
    }
}

fn belongs_to_an_issuer(certified: &CertifiedKey) -> bool {
    certified
        .cert
        .iter()
        .skip(1)
        .any(|issuer| CertifiedKey::new(vec![issuer.clone()], Arc::clone(&certified.key)).keys_match().is_ok())
}

#[cfg(test)]
mod tests {
    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;
    use crate::tls::tests::{Folder, Issued};

    #[test]
    fn loads_every_key_kind() {
        let folder = Folder::new();
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_RSA_SHA256, &PKCS_ED25519] {
            let files = folder.keep("site", &Issued::with_key(algorithm, &["site.test"]));

            let bundle = CertifiedBundle::load(&[files]).unwrap();

            assert_eq!(bundle.certified().len(), 1);
        }
    }

    #[test]
    fn loads_chain_and_key_from_one_file() {
        let folder = Folder::new();
        let issued = Issued::named(&["site.test"]);
        let both = folder.write("both.pem", format!("{}{}", issued.key, issued.chain));

        assert!(CertifiedBundle::load(&[CertificateFiles::new(both.clone(), both)]).is_ok());
    }

    #[test]
    fn the_same_certificate_is_equal_and_a_renewed_one_is_not() {
        let folder = Folder::new();
        let old = folder.keep("old", &Issued::named(&["site.test"]));
        let renewed = folder.keep("renewed", &Issued::named(&["site.test"]));
        let load = |files: &[&CertificateFiles]| {
            CertifiedBundle::load(&files.iter().copied().cloned().collect::<Vec<_>>()).unwrap()
        };

        assert_eq!(load(&[&old]), load(&[&old]));
        assert_ne!(load(&[&old]), load(&[&renewed]));
        assert_ne!(load(&[&old]), load(&[&old, &renewed]));
        assert_ne!(load(&[&old, &renewed]), load(&[&renewed, &old]));
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let folder = Folder::new();
        let good = folder.keep("good", &Issued::named(&["good.test"]));
        let missing = CertificateFiles::new(folder.path("no.pem"), folder.path("no.key"));
        let mismatch =
            CertificateFiles::new(good.chain.clone(), folder.keep("other", &Issued::named(&["other.test"])).key);

        let errors = CertifiedBundle::load(&[missing.clone(), good, mismatch.clone()]).unwrap_err();

        let paths: Vec<_> = errors.iter().map(|error| error.path.clone()).collect();
        assert_eq!(paths, [missing.chain, missing.key, mismatch.key]);
    }

    #[test]
    fn a_fault_names_the_file_and_what_is_wrong() {
        let folder = Folder::new();
        let Issued { chain, key } = Issued::named(&["site.test"]);
        let cut = |pem: &str| pem.split("-----END").next().unwrap().to_owned();
        let garbled = |pem: &str| pem.replacen("-----\n", "-----\n!!!!", 1);
        let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        let not_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let not_a_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let old_encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
                             -----END RSA PRIVATE KEY-----\n";
        let other = Issued::named(&["other.test"]);
        let issuer_first = format!("{}{chain}", other.chain);

        let faults = [
            (Vec::new(), key.clone().into(), "chain.pem: holds no certificate"),
            (b"garbage".to_vec(), key.clone().into(), "chain.pem: holds no certificate"),
            (key.clone().into(), key.clone().into(), "chain.pem: holds a private key, but no certificate"),
            (cut(&chain).into(), key.clone().into(), "chain.pem: has a PEM section without its END line"),
            (garbled(&chain).into(), key.clone().into(), "chain.pem: has a PEM section that is not base64"),
            (der(&chain), key.clone().into(), "chain.pem: is DER, not PEM"),
            (not_x509.into(), key.clone().into(), "chain.pem: holds a certificate that cannot be used: "),
            (issuer_first.into(), key.clone().into(), "chain.pem: does not begin with the certificate that"),
            (chain.clone().into(), Vec::new(), "key.pem: holds no private key"),
            (chain.clone().into(), chain.clone().into(), "key.pem: holds a certificate, but no private key"),
            (chain.clone().into(), cut(&key).into(), "key.pem: has a PEM section without its END line"),
            (chain.clone().into(), not_a_key.into(), "key.pem: holds a private key that cannot be used: "),
            (chain.clone().into(), encrypted.into(), "key.pem: holds an encrypted private key"),
            (chain.clone().into(), old_encrypted.into(), "key.pem: holds an encrypted private key"),
            (chain.into(), other.key.into(), "key.pem: holds a private key that does not match the certificate"),
        ];
        for (chain, key, expected) in faults {
            let files = CertificateFiles::new(folder.write("chain.pem", chain), folder.write("key.pem", key));
            let errors = CertifiedBundle::load(&[files]).unwrap_err();

            assert_eq!(errors.len(), 1, "{expected}: {errors:?}");
            let message = errors[0].to_string();
            assert!(message.contains(&format!("/{expected}")), "{message:?} should say {expected:?}");
        }
    }

    #[test]
    fn a_folder_is_not_a_certificate() {
        let folder = Folder::new();
        let key = folder.keep("site", &Issued::named(&["site.test"])).key;

        let errors = CertifiedBundle::load(&[CertificateFiles::new(folder.path(""), key)]).unwrap_err();

        assert!(matches!(errors[0].fault, CertificateFault::Unreadable(_)), "{errors:?}");
    }
}
