//! Why there is no TLS with an endpoint, as operators read it, with what they can do; and the word that it is counted by.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use thiserror::Error;

use super::tls_error::TlsError;
use crate::tls::{Fingerprint, Rough, WrongFingerprint};

/// Why there is no TLS with an endpoint. Keys in the texts are those of `upstream.NAME.tls`.
#[derive(Debug, Error)]
pub enum TlsFailure {
    /// Its certificate is for other names.
    #[error(
        "its certificate is for {} and not for {expected}: set `name` to one of its names, or have it issued for this one",
        listed(presented)
    )]
    WrongName {
        /// What it was asked for.
        expected: String,
        /// The names that it has.
        presented: Vec<String>,
    },
    /// Its certificate is over.
    #[error("its certificate has expired{}: have it renewed", since(.0))]
    Expired(Option<Duration>),
    /// Its certificate has not begun.
    #[error("its certificate is not valid yet{}: look at the clocks of both machines", before(.0))]
    Early(Option<Duration>),
    /// Nobody that is believed has issued its certificate.
    #[error(
        "its certificate was issued by nobody that is believed: name the certificate of its issuer in `ca`, and have it send \
         those between the two"
    )]
    UnknownIssuer,
    /// It shows the certificate of an issuer as its own.
    #[error(
        "its certificate is that of an issuer (CA:TRUE), which may issue others and is nobody's own: have one issued for it, or \
         list this one in `fingerprints`"
    )]
    IssuerAsOwn,
    /// Its certificate is another one than it may be.
    #[error("its certificate has the fingerprint {0}, which is none of `fingerprints`: if it was renewed, list it")]
    WrongFingerprint(Fingerprint),
    /// Its certificate is not good for another reason.
    #[error("its certificate cannot be verified: {0}")]
    BadCertificate(CertificateError),
    /// It wants to see a certificate of ours.
    #[error("it wants a client certificate: name one that it accepts in `certificate`")]
    CertificateWanted,
    /// It does not like what we show, or that we show nothing.
    #[error("it refuses us by the alert {0:?}: show it a client certificate that it accepts, in `certificate`")]
    CertificateRefused(AlertDescription),
    /// It knows no such name.
    #[error("it does not serve the name that it was asked for: set `name` to one that it does")]
    UnknownName,
    /// It speaks HTTP in plain.
    #[error("it answers in plain HTTP: write tls = \"off\", or the port where it speaks TLS")]
    PlainHttp,
    /// What it speaks is no TLS.
    #[error("what it answers is no TLS: write tls = \"off\", or the port where it speaks TLS")]
    NotTls,
    /// It has no version or cipher suite that we have.
    #[error(
        "it has no version, cipher suite or protocol in common with us ({0}): it takes TLS 1.2 or 1.3 with AES-GCM or ChaCha20, and HTTP over ALPN"
    )]
    NothingInCommon(String),
    /// It refuses in another way.
    #[error("it refuses the handshake by the alert {0:?}: its own log says why")]
    Alert(AlertDescription),
    /// It does not shake hands in time.
    #[error("the TLS handshake was not over within connect_timeout: see whether it speaks TLS at this port")]
    TimedOut,
    /// It ends the connection.
    #[error("it closed the connection in the middle of the TLS handshake: see whether it speaks TLS at this port")]
    Ended,
    /// There is no name to ask for.
    #[error("its address is no name that a certificate can be for: set `name`")]
    NoName,
    /// Anything else.
    #[error("{0}")]
    Broken(#[source] TlsError),
}

impl TlsFailure {
    /// What a connection that was taken for a good one failed with, where that was TLS: what a server thinks of our certificate it
    /// may say only after the handshake (RFC 8446 §4.4.2.4).
    pub fn behind(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            // An error in an `io::Error` is not its source, but the source of that is.
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let tls = inner.and_then(|inner| inner.downcast_ref::<TlsError>()).or_else(|| error.downcast_ref());
            if let Some(TlsError::Records(error @ Error::AlertReceived(_))) = tls {
                return Some(TlsError::Records(error.clone()).into());
            }
            cause = error.source();
        }
        None
    }

    /// The word that it is counted by.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongName { .. } | Self::NoName | Self::UnknownName => "name",
            Self::Expired(_) | Self::Early(_) => "validity",
            Self::UnknownIssuer => "issuer",
            Self::WrongFingerprint(_) => "fingerprint",
            Self::IssuerAsOwn | Self::BadCertificate(_) => "certificate",
            Self::CertificateWanted | Self::CertificateRefused(_) => "client_certificate",
            Self::PlainHttp | Self::NotTls => "no_tls",
            Self::NothingInCommon(_) => "nothing_in_common",
            Self::Alert(_) => "alert",
            Self::TimedOut => "timeout",
            Self::Ended => "ended",
            Self::Broken(_) => "other",
        }
    }
}

impl From<TlsError> for TlsFailure {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::PlainHttp => Self::PlainHttp,
            TlsError::EndedInHandshake => Self::Ended,
            TlsError::Socket(error) if error.kind() == io::ErrorKind::ConnectionReset => Self::Ended,
            TlsError::Records(Error::InvalidCertificate(error)) => certificate(error),
            TlsError::Records(Error::AlertReceived(alert)) => refusal(alert),
            TlsError::Records(Error::PeerIncompatible(what)) => Self::NothingInCommon(format!("{what:?}")),
            TlsError::Records(Error::NoApplicationProtocol) => Self::NothingInCommon("ALPN".into()),
            TlsError::Records(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::NotTls,
            error => Self::Broken(error),
        }
    }
}

fn certificate(error: CertificateError) -> TlsFailure {
    match error {
        CertificateError::NotValidForNameContext { expected, presented } => TlsFailure::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| bare(name)).collect(),
        },
        CertificateError::ExpiredContext { time, not_after } => TlsFailure::Expired(Some(between(not_after, time))),
        CertificateError::Expired => TlsFailure::Expired(None),
        CertificateError::NotValidYetContext { time, not_before } => TlsFailure::Early(Some(between(time, not_before))),
        CertificateError::NotValidYet => TlsFailure::Early(None),
        // An issuer of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFailure::UnknownIssuer,
        CertificateError::Other(other) => match (other.0.downcast_ref(), other.0.downcast_ref()) {
            (Some(WrongFingerprint(shown)), _) => TlsFailure::WrongFingerprint(*shown),
            (_, Some(webpki::Error::CaUsedAsEndEntity)) => TlsFailure::IssuerAsOwn,
            _ => TlsFailure::BadCertificate(CertificateError::Other(other)),
        },
        error => TlsFailure::BadCertificate(error),
    }
}

fn refusal(alert: AlertDescription) -> TlsFailure {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => TlsFailure::CertificateWanted,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => TlsFailure::CertificateRefused(alert),
        AlertDescription::UnrecognisedName => TlsFailure::UnknownName,
        AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity
        | AlertDescription::NoApplicationProtocol => TlsFailure::NothingInCommon(format!("{alert:?}")),
        alert => TlsFailure::Alert(alert),
    }
}

/// A name as webpki lists it, without its kind.
fn bare(name: &str) -> String {
    let inner = name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    let inner = inner.or_else(|| name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')));
    inner.unwrap_or(name).to_owned()
}

/// The first few: a certificate may have hundreds.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut text = names.get(..MOST).unwrap_or(names).join(", ");
    match names.len() {
        0 => "no name".clone_into(&mut text),
        count if count > MOST => text.push_str(&format!(" and {} more", count - MOST)),
        _ => {}
    }
    text
}

fn since(ago: &Option<Duration>) -> String {
    ago.map(|ago| format!(" {} ago", Rough(ago))).unwrap_or_default()
}

fn before(until: &Option<Duration>) -> String {
    until.map(|until| format!(" before {} have passed", Rough(until))).unwrap_or_default()
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: Error) -> TlsFailure {
        TlsError::Records(error).into()
    }

    #[test]
    fn an_alert_is_found_wherever_it_lies() {
        let alert = || TlsError::Records(Error::AlertReceived(AlertDescription::CertificateRequired));
        let inside = io::Error::from(alert());
        assert!(matches!(TlsFailure::behind(&inside), Some(TlsFailure::CertificateWanted)));
        assert!(matches!(TlsFailure::behind(&alert()), Some(TlsFailure::CertificateWanted)));
    }

    #[test]
    fn what_else_ends_a_connection_is_no_failure_of_tls() {
        for error in [TlsError::Truncated.into(), io::Error::from(io::ErrorKind::ConnectionReset)] {
            assert!(TlsFailure::behind(&error).is_none(), "{error:?}");
        }
    }

    #[test]
    fn many_names_are_not_all_listed() {
        let wrong = |count: usize| {
            let presented = (0..count).map(|number| format!("{number}.test")).collect();
            TlsFailure::WrongName { expected: "app.test".into(), presented }.to_string()
        };
        assert!(wrong(0).starts_with("its certificate is for no name and not for app.test"));
        assert!(wrong(2).contains("for 0.test, 1.test and not"));
        assert!(wrong(100).contains("6.test, 7.test and 92 more and not"), "{}", wrong(100));
    }

    #[test]
    fn a_time_is_told_where_it_is_known() {
        let told = |error: CertificateError| failure(Error::InvalidCertificate(error)).to_string();
        let [earlier, later] =
            [1_000_000, 1_200_000].map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        let expired = CertificateError::ExpiredContext { time: later, not_after: earlier };
        assert_eq!(told(expired), "its certificate has expired 2 days ago: have it renewed");
        assert_eq!(told(CertificateError::Expired), "its certificate has expired: have it renewed");
        let early = CertificateError::NotValidYetContext { time: earlier, not_before: later };
        assert!(told(early).starts_with("its certificate is not valid yet before 2 days have passed:"));
    }
}
