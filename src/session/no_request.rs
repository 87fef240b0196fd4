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
use crate::http::limits::MAX_BUFFER;
use crate::metrics::Metrics;
use crate::net::{Guarded, HandshakeFailed, TlsError};
use crate::snapshot::Listener;

/// Why a connection was turned away; the client's fault, as far as we can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub(super) enum NoRequest {
    /// A request head that is no HTTP/1, or not by its grammar: answered 400.
    Malformed,
    /// A request target that is none, or has bytes that have no place in one: answered 400.
    BadTarget,
    /// A request head that is too long, or has too many lines: answered 431.
    HeadTooLarge,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// The rest of a request head did not come within `head_timeout`.
    HeadTooSlow,
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
    /// The rest of a handshake did not come within `tls_timeout`.
    TlsTooSlow,
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
            Self::HeadTooLarge => "head_too_large",
            Self::Http2 => "http2",
            Self::HeadTooSlow => "head_too_slow",
            Self::PlainHttp => "plain_http",
            Self::NotTls => "not_tls",
            Self::TlsMismatch => "tls_mismatch",
            Self::TlsAlert => "tls_alert",
            Self::ClientCertificate => "client_certificate",
            Self::TlsTooSlow => "tls_too_slow",
            Self::TlsLeft => "tls_left",
            Self::TlsBroken => "tls_broken",
        }
    }

    /// Why hyper ended a connection, if there is something to say about it; `unread` is what it had not made sense of.
    pub(super) fn of_http(error: &hyper::Error, unread: &[u8]) -> Option<Self> {
        match () {
            () if error.is_parse_version_h2() => Some(Self::Http2),
            () if error.is_parse_too_large() => Some(Self::HeadTooLarge),
            () if error.is_parse() && error.to_string() == BAD_TARGET => Some(Self::BadTarget),
            () if error.is_parse() => Some(Self::Malformed),
            () if error.is_timeout() && !unread.is_empty() => Some(Self::HeadTooSlow),
            () => None,
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
            Self::HeadTooLarge => {
                format!("{error}: there is room for {} KiB and {MAX_LINES} header lines", MAX_BUFFER / 1024)
            }
            _ => format!("the request cannot be read: {error}"),
        }
    }

    /// Why a handshake failed, if there is something to say about it.
    pub(super) fn of_tls(failed: &HandshakeFailed) -> Option<Self> {
        match &failed.error {
            TlsError::PlainHttp => Some(Self::PlainHttp),
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
        metrics.refused(self.log_word());
        let name = listener.settings.name.clone();
        let about = About { message: "turned away", word: self.log_word(), listener: name, client: Some(client) };
        if sums.is_to_be_written(about) {
            let listener = &listener.settings.name;
            tracing::info!(%client, %listener, refusal = self.log_word(), fault = "client", detail = %error, "turned away");
        }
    }
}

/// Tells a client that speaks HTTP on a TLS port what is wrong.
pub(super) async fn tell_plain_http(failed: Box<HandshakeFailed>, listener: &Listener) {
    Guarded::new(failed.socket, listener.settings.tls_timeout).end_with(PLAIN_HTTP_ON_TLS).await;
}

/// What hyper says of a target that is no URI: nothing else tells it from other heads that it cannot read.
const BAD_TARGET: &str = "invalid URI";

/// How many header lines hyper reads.
const MAX_LINES: usize = 100;
