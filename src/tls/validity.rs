//! When certificates are valid: what has run out, soon will, or has not begun.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, Error, KeyUsage};

use super::certificates::CertifiedBundle;
use super::credentials::Credentials;
use super::dns_names::dns_names;
use super::issued::IssuedCertificates;
use super::rough::Rough;
use crate::config::{CertificateFiles, Warning};

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it begins.
    pub begins: UnixTime,
    /// When it ends.
    pub ends: UnixTime,
}

/// What whoever is shown it will say, or soon, of a certificate that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    /// It ended so long ago.
    Expired(Duration),
    /// It ends so soon that somebody should have renewed it.
    Expires(Duration),
    /// It begins so much later.
    Early(Duration),
}

impl Life {
    /// That of a certificate; `None` where it is none that can be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        Some(Self { begins: begin_of(certificate), ends: end_of(certificate)? })
    }
}

impl Credentials {
    /// When each certificate that is shown ends, or the first of its issuers', in seconds since 1970, by the first name that it is for.
    pub fn ends_by_name(&self) -> impl Iterator<Item = (String, i64)> {
        self.shown().filter_map(|certified| {
            let ends = i64::try_from(chain_end(&certified.cert)?.as_secs()).ok()?;
            Some((dns_names(&certified).into_iter().next().unwrap_or_default(), ends))
        })
    }

    fn shown(&self) -> impl Iterator<Item = Arc<CertifiedKey>> {
        let issued = self.issued.iter().flat_map(IssuedCertificates::certified);
        self.own.certified().iter().cloned().chain(issued)
    }
}

impl CertifiedBundle {
    /// A warning for each certificate of a chain that clients refuse at `now`, or soon will; `files` are those that it was
    /// loaded from.
    pub fn warnings(&self, files: &[CertificateFiles], now: UnixTime) -> Vec<Warning> {
        let chains =
            self.certified().iter().zip(files).flat_map(|(certified, files)| warnings(&certified.cert, files, now));
        let staples = self.stapled().iter().zip(files).filter_map(|(stapled, files)| {
            let (unshown, file) = (stapled.as_ref()?.staple.unshown(now)?, files.ocsp.as_ref()?);
            let problem = format!("{}: {unshown}", file.path.display());
            Some(Warning::new(file.location.0.clone(), problem, unshown.hint()))
        });
        chains.chain(staples).collect()
    }
}

fn warnings(chain: &[CertificateDer<'_>], files: &CertificateFiles, now: UnixTime) -> Vec<Warning> {
    let warning = |(index, certificate): (usize, &CertificateDer<'_>)| {
        let validity = validity(certificate, now)?;
        let which =
            if index == 0 { "the certificate".to_owned() } else { format!("certificate {} of the chain", index + 1) };
        let problem = format!("{}: {which} {validity}", files.chain.display());
        Some(Warning::new(files.chain_location.0.clone(), problem, validity.hint()))
    };
    chain.iter().enumerate().filter_map(warning).collect()
}

fn validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Option<Validity> {
    match limit_at(certificate, now) {
        Some(Limit::End(end)) => return Some(Validity::Expired(between(end, now))),
        Some(Limit::Begin(begin)) => return Some(Validity::Early(between(now, begin))),
        None => {}
    }
    let Some(Limit::End(end)) = limit_at(certificate, UnixTime::since_unix_epoch(later(now, SOON))) else {
        return None;
    };
    // One that lives for six days is renewed within its last ones.
    let left = between(now, end);
    (left < between(begin_of(certificate), end) / 4).then_some(Validity::Expires(left))
}

/// When a certificate begins: what is said to who comes before any of them.
fn begin_of(certificate: &CertificateDer<'_>) -> UnixTime {
    match limit_at(certificate, UnixTime::since_unix_epoch(Duration::ZERO)) {
        Some(Limit::Begin(begin)) => begin,
        _ => UnixTime::since_unix_epoch(Duration::ZERO),
    }
}

/// When the first certificate of a chain ends.
fn chain_end(chain: &[CertificateDer<'_>]) -> Option<UnixTime> {
    chain.iter().filter_map(end_of).min()
}

/// When a certificate ends: what is said to who comes later than any of them.
fn end_of(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    match limit_at(certificate, UnixTime::since_unix_epoch(LATER_THAN_ANY))? {
        Limit::End(end) => Some(end),
        Limit::Begin(_) => None,
    }
}

/// An end of the validity that a time is beyond.
enum Limit {
    Begin(UnixTime),
    End(UnixTime),
}

/// webpki looks at the validity before anything that needs an issuer; of what else it would say, nothing is our business.
fn limit_at(certificate: &CertificateDer<'_>, time: UnixTime) -> Option<Limit> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    match certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None).err()? {
        Error::CertExpired { not_after, .. } => Some(Limit::End(not_after)),
        Error::CertNotValidYet { not_before, .. } => Some(Limit::Begin(not_before)),
        _ => None,
    }
}

fn later(now: UnixTime, by: Duration) -> Duration {
    Duration::from_secs(now.as_secs()).saturating_add(by)
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

impl Validity {
    fn hint(self) -> &'static str {
        match self {
            Self::Expired(_) => "it is refused: have it renewed, put it in this place and reload",
            Self::Expires(_) => "see why it was not renewed yet; a reload takes the new one",
            Self::Early(_) => "it is refused until then: look at the clock of this machine, or serve an older one",
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(ago) => write!(f, "has expired {} ago", Rough(*ago)),
            Self::Expires(left) => write!(f, "expires in {}", Rough(*left)),
            Self::Early(until) => write!(f, "is not valid before {} have passed", Rough(*until)),
        }
    }
}

/// So long before its end, a certificate of the usual ninety days has been renewed for two weeks.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// The year 9999, after which no certificate ends (RFC 5280 §4.1.2.5).
const LATER_THAN_ANY: Duration = Duration::from_secs(253_402_300_800);

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// Valid in 2021 alone.
    fn certificate() -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["site.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2021, 1, 1);
        params.not_after = date_time_ymd(2022, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn said_at(year: i32, month: u8, day: u8) -> Option<String> {
        let now = u64::try_from(date_time_ymd(year, month, day).unix_timestamp()).unwrap();
        validity(&certificate(), UnixTime::since_unix_epoch(Duration::from_secs(now))).map(|it| it.to_string())
    }

    #[test]
    fn what_clients_refuse_is_said_and_what_they_soon_will() {
        assert_eq!(said_at(2020, 12, 22).as_deref(), Some("is not valid before 10 days have passed"));
        assert_eq!(said_at(2021, 6, 1), None);
        assert_eq!(said_at(2021, 12, 17), None);
        assert_eq!(said_at(2021, 12, 19).as_deref(), Some("expires in 13 days"));
        assert_eq!(said_at(2021, 12, 26).as_deref(), Some("expires in 6 days"));
        assert_eq!(said_at(2021, 12, 31).as_deref(), Some("expires in 24 hours"));
        assert_eq!(said_at(2022, 1, 4).as_deref(), Some("has expired 3 days ago"));
        assert_eq!(said_at(2100, 1, 1).as_deref(), Some("has expired 28489 days ago"));
    }

    #[test]
    fn its_life_is_told() {
        let [begins, ends] =
            [2021, 2022].map(|year| u64::try_from(date_time_ymd(year, 1, 1).unix_timestamp()).unwrap());
        let life = Life::of(&certificate()).unwrap();
        assert_eq!((life.begins.as_secs(), life.ends.as_secs()), (begins, ends));
        assert_eq!(Life::of(&CertificateDer::from_slice(b"none")), None);
    }

    #[test]
    fn its_end_is_told() {
        let end = u64::try_from(date_time_ymd(2022, 1, 1).unix_timestamp()).unwrap();
        assert_eq!(end_of(&certificate()).map(|end| end.as_secs()), Some(end));
    }

    #[test]
    fn each_certificate_of_a_chain_is_looked_at() {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        let files = CertificateFiles::new("site.pem".into(), "site.key".into());
        let warnings: Vec<_> =
            warnings(&[certificate(), certificate()], &files, now).iter().map(|it| it.problem().to_owned()).collect();
        assert_eq!(
            warnings,
            [
                "site.pem: the certificate has expired 682 days ago",
                "site.pem: certificate 2 of the chain has expired 682 days ago"
            ]
        );
    }

    #[test]
    fn a_short_life_is_not_always_about_to_end() {
        let mut params = CertificateParams::new(["site.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2021, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 7);
        let short = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        let at = |day| {
            let now = u64::try_from(date_time_ymd(2021, 1, day).unix_timestamp()).unwrap();
            validity(&short, UnixTime::since_unix_epoch(Duration::from_secs(now)))
        };
        assert_eq!(at(3), None);
        assert!(matches!(at(6), Some(Validity::Expires(_))));
    }
}
