//! What a certificate says of its holder, in texts that one header line can carry.
//!
//! Each is visible ASCII and blanks alone: whatever else a certificate holds is written as `\` and the two hexadecimal digits of
//! each byte of its UTF-8, as RFC 4514 §2.4 has it. A text that would be longer than [`LONGEST`] is none: half a name is another
//! name.

use std::fmt::Write;
use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// What a certificate says of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateText {
    /// Its subject, as RFC 4514 writes names.
    pub subject: Option<String>,
    /// The names of its subjectAltName, between commas: `DNS:`, `URI:`, `email:` and `IP:`, as OpenSSL writes them. Others are left
    /// out.
    pub names: Option<String>,
}

/// The longest text, in bytes: two of them, and the rest of a head, fit into what endpoints take by default.
const LONGEST: usize = 2048;

impl CertificateText {
    /// That of a certificate; nothing of one that is no DER.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = Certificate::from_der(certificate) else { return Self { subject: None, names: None } };
        let subject = certificate.tbs_certificate.subject.to_string();
        let names = certificate.tbs_certificate.get::<SubjectAltName>().ok().flatten();
        let names = names.map(|(_, names)| names.0.iter().filter_map(text_of).collect::<Vec<_>>().join(","));
        Self { subject: bounded(escaped(&subject, &[])), names: names.and_then(bounded) }
    }
}

fn text_of(name: &GeneralName) -> Option<String> {
    let text = |kind: &str, value: &str| Some(format!("{kind}:{}", escaped(value, b",\\")));
    match name {
        GeneralName::DnsName(name) => text("DNS", name.as_str()),
        GeneralName::UniformResourceIdentifier(uri) => text("URI", uri.as_str()),
        GeneralName::Rfc822Name(address) => text("email", address.as_str()),
        GeneralName::IpAddress(bytes) => text("IP", &ip(bytes.as_bytes())?.to_string()),
        _ => None,
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// The same, without what cannot stand in a header line, and without these bytes.
fn escaped(text: &str, others: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && !others.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Nothing can fail that is written to a text.
            let _ = write!(escaped, "\\{byte:02X}");
        }
    }
    escaped
}

fn bounded(text: String) -> Option<String> {
    (1..=LONGEST).contains(&text.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn text(name: &[(DnType, &str)], names: Vec<SanType>) -> CertificateText {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        name.iter().for_each(|(kind, value)| params.distinguished_name.push(kind.clone(), *value));
        params.subject_alt_names = names;
        CertificateText::of(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    fn subject(common_name: &str) -> String {
        text(&[(DnType::CommonName, common_name)], Vec::new()).subject.unwrap()
    }

    #[test]
    fn a_subject_is_written_from_its_end_as_rfc_4514_has_it() {
        let name = [
            (DnType::CountryName, "DE"),
            (DnType::OrganizationName, "Sea, Wind & Sons"),
            (DnType::CommonName, "phone 7"),
        ];
        assert_eq!(text(&name, Vec::new()).subject.unwrap(), r"CN=phone 7,O=Sea\, Wind & Sons,C=DE");
    }

    #[test]
    fn nothing_of_a_subject_ends_a_line_or_begins_another_attribute() {
        assert_eq!(subject("a\r\nX-Admin: 1"), r"CN=a\0d\0aX-Admin: 1");
        assert_eq!(subject("é\u{2028}"), r"CN=\C3\A9\E2\80\A8");
        assert_eq!(subject("me,CN=root+OU=x\\"), r"CN=me\,CN=root\+OU=x\\");
        assert_eq!(subject(" #a "), r"CN=\ #a\ ");
    }

    #[test]
    fn names_are_listed_by_their_kind() {
        let names = vec![
            SanType::DnsName("phone.test".try_into().unwrap()),
            SanType::URI("spiffe://test/a,DNS:root".try_into().unwrap()),
            SanType::Rfc822Name("me@test".try_into().unwrap()),
            SanType::IpAddress([192, 0, 2, 1].into()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
        ];
        let listed = r"DNS:phone.test,URI:spiffe://test/a\2CDNS:root,email:me@test,IP:192.0.2.1,IP:2001:db8::1";
        assert_eq!(text(&[], names).names.unwrap(), listed);
    }

    #[test]
    fn there_is_no_half_of_a_name() {
        assert_eq!(subject(&"a".repeat(LONGEST - 3)).len(), LONGEST);
        assert_eq!(text(&[(DnType::CommonName, &"a".repeat(LONGEST - 2))], Vec::new()).subject, None);
        let many = (0..200).map(|number| SanType::DnsName(format!("{number}.phone.test").try_into().unwrap()));
        assert_eq!(text(&[], many.collect()).names, None);
    }

    #[test]
    fn what_is_not_there_is_none() {
        assert_eq!(text(&[], Vec::new()), CertificateText { subject: None, names: None });
        assert_eq!(
            CertificateText::of(&CertificateDer::from(vec![0x30, 0])),
            CertificateText { subject: None, names: None }
        );
    }
}
