//! By what a directory knows a certificate that it has issued (RFC 9773 §4.1): the identifier of its issuer's key, and its number.

use instant_acme::CertificateIdentifier;
use rustls::pki_types::{CertificateDer, Der};

/// How a directory is asked about `certificate`; `None` where it does not say whose key has signed it.
pub(super) fn certificate_id(certificate: &CertificateDer<'_>) -> Option<CertificateIdentifier<'static>> {
    let (tbs, _) = Element::first(Element::first(certificate)?.0.content)?;
    let mut fields = Elements(tbs.content).peekable();
    // TBSCertificate (RFC 5280 §4.1): the version may stand in front of the number.
    fields.next_if(|field| field.tag == VERSION);
    let number = fields.next().filter(|field| field.tag == INTEGER)?;
    let extensions = fields.find(|field| field.tag == EXTENSIONS)?;
    let key = Elements(Element::first(extensions.content)?.0.content).find_map(authority_key)?;
    Some(CertificateIdentifier::new(Der::from_slice(key), Der::from_slice(number.content)))
}

/// The identifier in an extension, if it is that of the issuer's key (RFC 5280 §4.2.1.1).
fn authority_key(extension: Element<'_>) -> Option<&[u8]> {
    let mut parts = Elements(extension.content);
    parts.next().filter(|id| id.tag == OBJECT_IDENTIFIER && id.content == AUTHORITY_KEY_IDENTIFIER)?;
    let value = parts.find(|part| part.tag == OCTET_STRING)?;
    let identifier = Elements(Element::first(value.content)?.0.content).find(|part| part.tag == KEY_IDENTIFIER)?;
    Some(identifier.content)
}

/// One value of DER (X.690 §8.1).
#[derive(Clone, Copy, Debug)]
struct Element<'d> {
    tag: u8,
    content: &'d [u8],
}

/// The values in a piece of DER, up to the first that is none.
struct Elements<'d>(&'d [u8]);

impl<'d> Element<'d> {
    /// The first value of `bytes`, and what follows it.
    fn first(bytes: &'d [u8]) -> Option<(Self, &'d [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            0..=0x7f => (usize::from(length), rest),
            // Certificates are shorter than four bytes can count.
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((Self { tag, content }, rest))
    }
}

impl<'d> Iterator for Elements<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        let (element, rest) = Element::first(self.0)?;
        self.0 = rest;
        Some(element)
    }
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `[0]` and `[3]` of a TBSCertificate.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `[0]` of an AuthorityKeyIdentifier.
const KEY_IDENTIFIER: u8 = 0x80;
/// 2.5.29.35
const AUTHORITY_KEY_IDENTIFIER: [u8; 3] = [0x55, 0x1d, 0x23];

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyIdMethod, KeyPair, SerialNumber};

    use super::*;

    /// A certificate with the number that RFC 9773 §4.1 has as its example, by an issuer with such a key.
    fn certificate() -> (CertificateDer<'static>, Vec<u8>) {
        let mut of_issuer = CertificateParams::new(Vec::new()).unwrap();
        of_issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let identifier: Vec<u8> = (1..=20).collect();
        of_issuer.key_identifier_method = KeyIdMethod::PreSpecified(identifier.clone());
        let issuer = Issuer::new(of_issuer, KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(["site.test".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[0x87, 0x65, 0x43, 0x21]));
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        (certificate.der().clone(), identifier)
    }

    #[test]
    fn it_is_the_key_of_the_issuer_and_the_number() {
        let (certificate, identifier) = certificate();
        let id = certificate_id(&certificate).unwrap();
        let key = CertificateIdentifier::new(Der::from_slice(&identifier), Der::from_slice(&[]));
        assert_eq!(id.authority_key_identifier, key.authority_key_identifier);
        // With the byte that keeps it from being negative, as in the RFC.
        assert_eq!(id.serial, "AIdlQyE");
    }

    #[test]
    fn whatever_is_cut_off_or_is_no_certificate_has_none() {
        let (certificate, _) = certificate();
        for end in 0..certificate.len() {
            assert_eq!(certificate_id(&CertificateDer::from_slice(&certificate[..end])), None, "{end}");
        }
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["site.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert_eq!(certificate_id(own.der()), None, "nobody else has signed it");
    }
}
