//! What the issuer of a certificate says of whether it is revoked (OCSP, RFC 6960): from a file to what clients are shown in the
//! handshake (RFC 6066 §8).
//!
//! It is checked to be about its certificate; its signature is for clients to check. One that is over or not yet to count, or says that the certificate
//! is revoked or unknown, is shown to nobody: clients would refuse for it whom they serve without it.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, SingleResponse,
};

use super::fault::{CertificateError, CertificateFault};
use super::rough::Rough;
use super::staple_fault::StapleFault;
use crate::config::{NamedFile, read_file};

/// An OCSP response for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Staple {
    /// As it came.
    pub(super) der: Vec<u8>,
    /// What it says.
    status: Status,
    /// When it was made, in seconds since 1970.
    since: u64,
    /// When there is a newer one, in seconds since 1970; `None`: at any time.
    until: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Good,
    Revoked,
    Unknown,
}

/// Why a response is shown to nobody, or soon will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unshown {
    /// It says that the certificate is revoked.
    Revoked,
    /// It says that the responder does not know the certificate.
    Unknown,
    /// It is to count only in so long.
    Ahead(Duration),
    /// It is over for so long.
    Over(Duration),
    /// It is over so soon that there should be a newer one.
    Soon(Duration),
}

impl Staple {
    /// Reads the one for a certificate.
    ///
    /// Blocks on the file system.
    pub(super) fn load(file: &NamedFile, certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let error = |fault| CertificateError::new(&file.path, fault).at(&file.location);
        let der = read_file(&file.path).map_err(|wrong| error(CertificateFault::Unreadable(wrong)))?;
        Self::parse(der, certificate).map_err(|fault| error(CertificateFault::Staple(fault)))
    }

    fn parse(der: Vec<u8>, certificate: &CertificateDer<'_>) -> Result<Self, StapleFault> {
        let response = OcspResponse::from_der(&der).map_err(|_| StapleFault::NotOcsp)?;
        let body = match (response.response_status, response.response_bytes) {
            (OcspResponseStatus::Successful, Some(bytes)) => bytes.response,
            _ => return Err(StapleFault::NoAnswer),
        };
        let basic = BasicOcspResponse::from_der(body.as_bytes()).map_err(|_| StapleFault::NotOcsp)?;
        let single = of_certificate(&basic.tbs_response_data.responses, certificate)?;
        let status = match single.cert_status {
            CertStatus::Good(_) => Status::Good,
            CertStatus::Revoked(_) => Status::Revoked,
            CertStatus::Unknown(_) => Status::Unknown,
        };
        let (since, until) = (seconds(&single.this_update), single.next_update.as_ref().map(seconds));
        Ok(Self { der, status, since, until })
    }

    /// Whether clients are shown it.
    pub(super) fn is_shown_at(&self, now: UnixTime) -> bool {
        self.status == Status::Good
            && self.since <= now.as_secs()
            && self.until.is_none_or(|until| now.as_secs() < until)
    }

    /// Why it is not, or soon will not be.
    pub(super) fn unshown(&self, now: UnixTime) -> Option<Unshown> {
        let now = now.as_secs();
        match (self.status, self.until) {
            (Status::Revoked, _) => Some(Unshown::Revoked),
            (Status::Unknown, _) => Some(Unshown::Unknown),
            (Status::Good, _) if now < self.since => Some(Unshown::Ahead(Duration::from_secs(self.since - now))),
            (Status::Good, None) => None,
            (Status::Good, Some(until)) if until <= now => Some(Unshown::Over(Duration::from_secs(now - until))),
            // Whoever fetches them does so at half of their time.
            (Status::Good, Some(until)) if until - now < until.saturating_sub(self.since) / 4 => {
                Some(Unshown::Soon(Duration::from_secs(until - now)))
            }
            (Status::Good, Some(_)) => None,
        }
    }
}

/// The one for this certificate: its number, and the name of who has issued it. A certificate that cannot be looked into, such as one
/// with a negative number, is taken to be the only one that is meant.
fn of_certificate<'r>(
    responses: &'r [SingleResponse],
    certificate: &CertificateDer<'_>,
) -> Result<&'r SingleResponse, StapleFault> {
    let found = match Certificate::from_der(certificate) {
        Ok(certificate) => responses.iter().find(|single| is_about(&single.cert_id, &certificate)),
        Err(_) => responses.first(),
    };
    found.ok_or(StapleFault::OtherCertificate)
}

fn is_about(id: &CertId, certificate: &Certificate) -> bool {
    let certificate = &certificate.tbs_certificate;
    let Ok(issuer) = certificate.issuer.to_der() else { return false };
    let algorithm = match id.hash_algorithm.oid.to_string().as_str() {
        "1.3.14.3.2.26" => &SHA1_FOR_LEGACY_USE_ONLY,
        "2.16.840.1.101.3.4.2.1" => &SHA256,
        // Responders use the two; of another one the number has to do.
        _ => return id.serial_number == certificate.serial_number,
    };
    let is_issuer = digest(algorithm, &issuer).as_ref() == id.issuer_name_hash.as_bytes();
    is_issuer && id.serial_number == certificate.serial_number
}

fn seconds(time: &OcspGeneralizedTime) -> u64 {
    time.0.to_unix_duration().as_secs()
}

impl Unshown {
    /// What the operator can do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Revoked => "have the certificate issued again, with a new key: clients that ask its issuer refuse it",
            Self::Unknown => "ask the responder that the certificate itself names",
            Self::Ahead(_) => "set this machine's clock, or the responder's",
            Self::Over(_) | Self::Soon(_) => "have `openssl ocsp` fetch it every day, and reload",
        }
    }
}

impl fmt::Display for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked => f.write_str("says that the certificate is revoked, and is not shown to clients"),
            Self::Unknown => f.write_str("says that the certificate is unknown, and is not shown to clients"),
            Self::Ahead(left) => write!(f, "begins in {}, and is not shown to clients", Rough(*left)),
            Self::Over(ago) => write!(f, "is over for {}, and is not shown to clients", Rough(*ago)),
            Self::Soon(left) => write!(f, "is over in {}", Rough(*left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use x509_cert::der::asn1::{BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
    use x509_cert::serial_number::SerialNumber;
    use x509_cert::spki::AlgorithmIdentifierOwned;
    use x509_ocsp::{ResponderId, ResponseData, RevokedInfo, Version};

    use super::*;

    const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

    fn certificate() -> CertificateDer<'static> {
        let params = CertificateParams::new(["site.test".to_owned()]).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn id(certificate: &CertificateDer<'_>) -> CertId {
        let certificate = Certificate::from_der(certificate).unwrap().tbs_certificate;
        let name = digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate.issuer.to_der().unwrap());
        CertId {
            hash_algorithm: AlgorithmIdentifierOwned { oid: SHA1, parameters: None },
            issuer_name_hash: OctetString::new(name.as_ref()).unwrap(),
            issuer_key_hash: OctetString::new([0; 20]).unwrap(),
            serial_number: certificate.serial_number,
        }
    }

    fn at(seconds: u64) -> OcspGeneralizedTime {
        OcspGeneralizedTime(GeneralizedTime::from_unix_duration(Duration::from_secs(seconds)).unwrap())
    }

    /// From 1,000,000 on; a signature is not looked at.
    fn response(cert_id: CertId, cert_status: CertStatus, until: Option<u64>) -> Vec<u8> {
        let single = SingleResponse {
            cert_id,
            cert_status,
            this_update: at(1_000_000),
            next_update: until.map(at),
            single_extensions: None,
        };
        let tbs_response_data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByKey(OctetString::new([0; 20]).unwrap()),
            produced_at: at(1_000_000),
            responses: vec![single],
            response_extensions: None,
        };
        let basic = BasicOcspResponse {
            tbs_response_data,
            signature_algorithm: AlgorithmIdentifierOwned { oid: SHA1, parameters: None },
            signature: BitString::from_bytes(&[0]).unwrap(),
            certs: None,
        };
        OcspResponse::successful(basic).unwrap().to_der().unwrap()
    }

    fn now(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn it_is_shown_until_it_is_over() {
        let certificate = certificate();
        let der = response(id(&certificate), CertStatus::Good(Null), Some(1_400_000));
        let staple = Staple::parse(der.clone(), &certificate).unwrap();
        assert_eq!(staple.der, der);
        assert!(staple.is_shown_at(now(1_399_999)) && !staple.is_shown_at(now(1_400_000)));
        let said = |seconds| staple.unshown(now(seconds)).map(|unshown| unshown.to_string());
        assert_eq!(said(1_300_000), None);
        assert_eq!(said(1_300_001).as_deref(), Some("is over in 27 hours"));
        assert_eq!(said(1_400_000).as_deref(), Some("is over for 0 seconds, and is not shown to clients"));
        let endless = Staple::parse(response(id(&certificate), CertStatus::Good(Null), None), &certificate).unwrap();
        assert!(endless.is_shown_at(now(9_000_000)) && endless.unshown(now(9_000_000)).is_none());
    }

    #[test]
    fn one_from_the_future_is_not_shown_yet() {
        let certificate = certificate();
        for until in [Some(1_400_000), None] {
            let staple =
                Staple::parse(response(id(&certificate), CertStatus::Good(Null), until), &certificate).unwrap();
            assert!(!staple.is_shown_at(now(999_999)) && staple.is_shown_at(now(1_000_000)));
            let said = staple.unshown(now(999_999)).map(|unshown| unshown.to_string());
            assert_eq!(said.as_deref(), Some("begins in 1 second, and is not shown to clients"));
        }
    }

    #[test]
    fn what_says_no_good_is_shown_to_nobody() {
        let certificate = certificate();
        let revoked = RevokedInfo { revocation_time: at(1_000_000), revocation_reason: None };
        for (status, said) in [(CertStatus::Revoked(revoked), "revoked"), (CertStatus::Unknown(Null), "unknown")] {
            let staple = Staple::parse(response(id(&certificate), status, None), &certificate).unwrap();
            assert!(!staple.is_shown_at(now(1_000_001)));
            assert!(staple.unshown(now(1_000_001)).unwrap().to_string().contains(said));
        }
    }

    #[test]
    fn it_is_about_its_own_certificate() {
        let (ours, other) = (certificate(), certificate());
        let good = |id| response(id, CertStatus::Good(Null), None);
        assert_eq!(Staple::parse(good(id(&other)), &ours), Err(StapleFault::OtherCertificate));
        let other_issuer = CertId { issuer_name_hash: OctetString::new([0; 20]).unwrap(), ..id(&ours) };
        assert_eq!(Staple::parse(good(other_issuer), &ours), Err(StapleFault::OtherCertificate));
        let other_number = CertId { serial_number: SerialNumber::new(&[1]).unwrap(), ..id(&ours) };
        assert_eq!(Staple::parse(good(other_number), &ours), Err(StapleFault::OtherCertificate));
    }

    #[test]
    fn what_is_none_is_told() {
        let certificate = certificate();
        let good = response(id(&certificate), CertStatus::Good(Null), None);
        for length in 0..good.len() {
            assert_eq!(Staple::parse(good[..length].to_vec(), &certificate), Err(StapleFault::NotOcsp), "{length}");
        }
        let later = OcspResponse::try_later().to_der().unwrap();
        assert_eq!(Staple::parse(later, &certificate), Err(StapleFault::NoAnswer));
    }
}
