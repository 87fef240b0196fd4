//! A certificate that was issued for one name, with its key: from the text that it is kept as.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::sign::CertifiedKey;
use thiserror::Error;

use super::dns_names::dns_names;
use super::key_text::with_private_key;
use super::validity::Life;

/// A certificate that was issued for one name, with its key.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    certified: Arc<CertifiedKey>,
    life: Life,
}

/// Why a text is no certificate that can be served.
#[derive(Debug, Error)]
pub enum UnusableCertificate {
    /// It is not PEM.
    #[error("it is not well-formed PEM: {0}")]
    Pem(#[from] pem::Error),
    /// Its key cannot be used, or is another one's.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// It is for other names.
    #[error("it is not for {0}")]
    OtherName(String),
    /// It does not say when it is valid.
    #[error("it does not say when it is valid")]
    Undated,
}

impl IssuedCertificate {
    /// Reads a private key and a certificate chain, leaf first, in PEM; the leaf is for `name`, which is in lower case.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8], name: &str) -> Result<Self, UnusableCertificate> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>()?;
        let certified = CertifiedKey::new(chain, with_private_key(text, any_supported_type)??);
        certified.keys_match()?;
        if !dns_names(&certified).iter().any(|its| its == name) {
            return Err(UnusableCertificate::OtherName(name.to_owned()));
        }
        let life = certified.cert.first().and_then(Life::of).ok_or(UnusableCertificate::Undated)?;
        Ok(Self { certified: Arc::new(certified), life })
    }

    /// What is served.
    pub fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// When it is valid.
    pub fn life(&self) -> Life {
        self.life
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::tests::Issued;

    #[test]
    fn a_key_and_its_chain_are_one_text() {
        let Issued { chain, key } = Issued::named(&["site.test"]);
        for text in [format!("{key}{chain}"), format!("{chain}{key}")] {
            let issued = IssuedCertificate::parse(text.as_bytes(), "site.test").unwrap();
            assert_eq!(issued.certified().cert.len(), 1);
            assert!(issued.life().begins < issued.life().ends);
        }
    }

    #[test]
    fn whatever_cannot_be_served_for_the_name_is_refused() {
        let (site, other) = (Issued::named(&["site.test"]), Issued::named(&["other.test"]));
        let refused = |text: &str| IssuedCertificate::parse(text.as_bytes(), "site.test").unwrap_err().to_string();
        assert_eq!(refused(&format!("{}{}", other.key, other.chain)), "it is not for site.test");
        assert!(refused(&format!("{}{}", other.key, site.chain)).contains("key"));
        for (text, what) in [(&site.chain, "no key"), (&site.key, "no chain"), (&String::new(), "nothing")] {
            assert!(IssuedCertificate::parse(text.as_bytes(), "site.test").is_err(), "{what}");
        }
        let whole = format!("{}{}", site.key, site.chain);
        for end in (0..whole.len() - 30).step_by(7) {
            assert!(IssuedCertificate::parse(&whole.as_bytes()[..end], "site.test").is_err(), "{end}");
        }
    }
}
