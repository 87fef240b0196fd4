//! Connections that are turned away before there is a request: what came is no HTTP that we read, or no TLS that we speak.
//!
//! hyper answers by itself what it cannot read, and so does rustls; this is how it shows. A connection that ends where it may
//! end, before a first byte or between two requests, is not turned away.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use strum::VariantArray;

use super::sums::{About, Sums};
use crate::http::http1::answer::PLAIN_HTTP_ON_TLS;
use crate::http::http2::flood::Flood;
use crate::metrics::{Metrics, RefusalKind};
use crate::net::{BadProxyHeader, Guarded, HandshakeFailed, NoProxyHeader, ProxyHeaderError, TlsError};
use crate::snapshot::Listener;
use crate::tls::RefusedName;

/// Why a connection was turned away; the client's fault, as far as we can see, where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub(super) enum NoRequest {
    /// A request head that is no HTTP/1, or not by its grammar: answered 400.
    Malformed,
    /// A request target that is none, or has bytes that have no place in one: answered 400.
    BadTarget,
    /// HTTP/2 with prior knowledge, where the listener does not take it.
    Http2,
    /// What came over HTTP/2 makes no sense: answered by GOAWAY.
    Http2Malformed,
    /// Too much of what `h2` itself counts: streams that are in error or reset unread, headers without end, small DATA. Answered by
    /// GOAWAY (ENHANCE_YOUR_CALM), as the next three.
    Http2Flood,
    /// Too many streams that the client resets.
    Http2ResetFlood,
    /// Too many frames that carry nothing.
    Http2ControlFlood,
    /// Too many windows that are opened for nothing.
    Http2WindowFlood,
    /// The rest of a request head did not come within `head_timeout`.
    HeadTooSlow,
    /// A peer outside of `trusted_proxies` where each connection has to begin with the header of one of them.
    UntrustedProxy,
    /// What came from a trusted proxy does not begin with a PROXY header.
    NoProxyHeader,
    /// A PROXY header that is not by its grammar, of no stream, too long, or with a wrong checksum.
    BadProxyHeader,
    /// The rest of a PROXY header did not come within `proxy_header_timeout`.
    ProxyHeaderTooSlow,
    /// The proxy left in the middle of its header.
    ProxyHeaderLeft,
    /// HTTP without TLS where TLS is spoken: answered 400.
    PlainHttp,
    /// Something else than TLS.
    NotTls,
    /// No version, cipher or protocol that both speak.
    TlsMismatch,
    /// The client has refused us by an alert: it does not trust the certificate, as a rule.
    TlsAlert,
    /// No certificate of the client where one is required, or one that the authority has not issued, or that has expired.
    ClientCertificate,
    /// A name that no certificate is for, or none, where a listener refuses that.
    UnknownName,
    /// The rest of a handshake did not come within `tls_timeout`.
    TlsTooSlow,
    /// No turn came for a handshake within `tls_timeout`: too many were before it. Not the client's fault.
    TlsBusy,
    /// The client left in the middle of a handshake.
    TlsLeft,
    /// Anything else that is wrong with a handshake.
    TlsBroken,
}

impl NoRequest {
    /// Every word of [`log_word`](Self::log_word).
    pub(super) fn log_words() -> impl Iterator<Item = &'static str> {
        Self::VARIANTS.iter().map(|why| why.log_word())
    }

    /// The word for logs and metrics.
    pub(super) fn log_word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BadTarget => "bad_target",
            Self::Http2 => "http2",
            Self::Http2Malformed => "http2_malformed",
            Self::Http2Flood => "http2_flood",
            Self::Http2ResetFlood => "http2_reset_flood",
            Self::Http2ControlFlood => "http2_control_flood",
            Self::Http2WindowFlood => "http2_window_flood",
            Self::HeadTooSlow => "head_too_slow",
            Self::UntrustedProxy => "untrusted_proxy",
            Self::NoProxyHeader => "no_proxy_header",
            Self::BadProxyHeader => "bad_proxy_header",
            Self::ProxyHeaderTooSlow => "proxy_header_too_slow",
            Self::ProxyHeaderLeft => "proxy_header_left",
            Self::PlainHttp => "plain_http",
            Self::NotTls => "not_tls",
            Self::TlsMismatch => "tls_mismatch",
            Self::TlsAlert => "tls_alert",
            Self::ClientCertificate => "client_certificate",
            Self::UnknownName => "unknown_name",
            Self::TlsTooSlow => "tls_too_slow",
            Self::TlsBusy => "tls_busy",
            Self::TlsLeft => "tls_left",
            Self::TlsBroken => "tls_broken",
        }
    }

    fn kind(self) -> RefusalKind {
        match self {
            Self::ClientCertificate => RefusalKind::Authentication,
            Self::TlsBusy => RefusalKind::Limit,
            _ => RefusalKind::Connection,
        }
    }

    fn fault(self) -> &'static str {
        if self == Self::TlsBusy { "windlass" } else { "client" }
    }

    /// Why hyper ended a connection, if there is something to say about it; `unread` is what it had not made sense of.
    pub(super) fn of_http(error: &hyper::Error, unread: &[u8]) -> Option<Self> {
        match () {
            () if error.is_parse_version_h2() => Some(Self::Http2),
            () if error.is_parse() && error.to_string() == BAD_TARGET => Some(Self::BadTarget),
            () if error.is_parse() => Some(Self::Malformed),
            () if error.is_timeout() && !unread.is_empty() => Some(Self::HeadTooSlow),
            () => None,
        }
    }

    /// Why a connection of HTTP/2 ended by this error, if there is something to say about it.
    pub(super) fn of_http2(error: &h2::Error) -> Option<Self> {
        match error.reason() {
            // It left, or says so.
            _ if error.is_io() || error.is_remote() => None,
            Some(h2::Reason::ENHANCE_YOUR_CALM) => Some(Self::Http2Flood),
            Some(h2::Reason::NO_ERROR) | None => None,
            Some(_) => Some(Self::Http2Malformed),
        }
    }

    /// What this is a flood of.
    pub(super) fn of_flood(flood: Flood) -> Self {
        match flood {
            Flood::Resets => Self::Http2ResetFlood,
            Flood::Control => Self::Http2ControlFlood,
            Flood::Windows => Self::Http2WindowFlood,
        }
    }

    /// What the client is told of a head that hyper could not read; `error` is what hyper says of it.
    pub(super) fn words(self, error: &hyper::Error) -> String {
        match self {
            Self::BadTarget => {
                // hyper says the same of all of them.
                "the request line cannot be read: it is a method, a target and a version with one space between them; the target is \
                 a path that begins with a slash, or a whole URI with a host; <, >, a backtick in its path, a quotation mark in its \
                 query and bytes that are no UTF-8 must be written as %XX"
                    .to_owned()
            }
            _ => format!("the request cannot be read: {error}"),
        }
    }

    /// What the log says of it: hyper does not know what it looks at.
    pub(super) fn detail<'e>(error: &'e hyper::Error, unread: &[u8]) -> &'e dyn Error {
        if speaks_tls(unread) { &SpeaksTls } else { error }
    }

    /// Why there is no PROXY header, if there is something to say about it.
    pub(super) fn of_proxy_header(none: &NoProxyHeader) -> Option<Self> {
        match &none.error {
            ProxyHeaderError::Bad(BadProxyHeader::Missing) => Some(Self::NoProxyHeader),
            ProxyHeaderError::Bad(_) => Some(Self::BadProxyHeader),
            // Load balancers look in like this.
            _ if !none.has_begun => None,
            ProxyHeaderError::TimedOut => Some(Self::ProxyHeaderTooSlow),
            ProxyHeaderError::Ended | ProxyHeaderError::Socket(_) => Some(Self::ProxyHeaderLeft),
        }
    }

    /// Why a handshake failed, if there is something to say about it.
    pub(super) fn of_tls(failed: &HandshakeFailed) -> Option<Self> {
        match &failed.error {
            TlsError::PlainHttp => Some(Self::PlainHttp),
            // It has said what it wants, and we have not read it.
            TlsError::NoTurn => Some(Self::TlsBusy),
            // Load balancers look in like this, and browsers keep one connection ready.
            _ if !failed.has_begun => None,
            TlsError::TimedOut => Some(Self::TlsTooSlow),
            // That is the system's own limit.
            TlsError::Socket(error) if error.kind() == io::ErrorKind::TimedOut => Some(Self::TlsTooSlow),
            TlsError::Records(rustls::Error::AlertReceived(_)) => Some(Self::TlsAlert),
            TlsError::Records(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => {
                Some(Self::TlsMismatch)
            }
            TlsError::Records(rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_)) => {
                Some(Self::ClientCertificate)
            }
            TlsError::Records(rustls::Error::InvalidMessage(_)) => Some(Self::NotTls),
            TlsError::Records(error) if RefusedName::behind(error).is_some() => Some(Self::UnknownName),
            TlsError::Records(_) | TlsError::Configuration(_) => Some(Self::TlsBroken),
            TlsError::EndedInHandshake | TlsError::Truncated | TlsError::Socket(_) => Some(Self::TlsLeft),
        }
    }

    /// Counts it, and says so in the log.
    pub(super) fn say(
        self,
        (metrics, sums): (&Metrics, &Arc<Sums>),
        listener: &Listener,
        client: IpAddr,
        error: &dyn Error,
    ) {
        turned_away((self.log_word(), self.kind(), self.fault()), (metrics, sums), listener, client, error);
    }
}

/// Counts somebody who is turned away for this reason, by whose fault, and says so in the log.
pub(super) fn turned_away(
    (word, kind, fault): (&'static str, RefusalKind, &'static str),
    (metrics, sums): (&Metrics, &Arc<Sums>),
    listener: &Listener,
    client: IpAddr,
    detail: &dyn Error,
) {
    metrics.refused(word, kind, None);
    let name = listener.settings.name.clone();
    if sums.is_to_be_written(About { message: "turned away", word, listener: name, client: Some(client) }) {
        let listener = &listener.settings.name;
        tracing::info!(%client, %listener, refusal = word, fault, %detail, "turned away");
    }
}

/// Tells a client that speaks HTTP on a TLS port what is wrong.
pub(super) async fn tell_plain_http(failed: Box<HandshakeFailed>, listener: &Listener) {
    Guarded::new(failed.socket, listener.settings.tls_timeout).end_with(PLAIN_HTTP_ON_TLS).await;
}

/// TLS where none is spoken.
#[derive(Debug, thiserror::Error)]
#[error("it speaks TLS (https:// or wss://), and this listener has no `tls`")]
struct SpeaksTls;

/// Whether a handshake of TLS begins like this (RFC 8446 §5.1): no request does.
fn speaks_tls(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x16, 0x03])
}

/// What hyper says of a target that is no URI: nothing else tells it from other heads that it cannot read.
const BAD_TARGET: &str = "invalid URI";
