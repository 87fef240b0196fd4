//! The answers that are our own: every refusal, its status, and the words for the client and for the log.
//!
//! This file and the table (`refusal_table`) alone know HTTP status numbers of ours. A text says what was wrong, and never an
//! address.

use std::fmt;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use strum::VariantArray;

use super::refusal::{Fault, Kind, Refusal};
use super::refusal_table::Row;
use super::refusal_text::RefusalText;
use super::unclean::Unclean;
use crate::access::TokenFault;
use crate::judge::Flaw;
use crate::websocket::BadHandshake;

/// What an answer tells beside what the refusal is.
#[derive(Clone, Debug)]
pub struct RefusalTerms {
    /// In how many seconds the client may come again.
    pub retry_after: u32,
    /// What a 401 asks for (RFC 9110 §15.5.2).
    pub challenge: Option<HeaderValue>,
    /// What it says; `None`: a line of text.
    pub text: Option<RefusalText>,
    /// The text is left out, and how long it is is said (RFC 9110 §9.3.2).
    pub is_head: bool,
}

impl From<u32> for RefusalTerms {
    /// To come again in so many seconds.
    fn from(retry_after: u32) -> Self {
        Self { retry_after, challenge: None, text: None, is_head: false }
    }
}

impl Refusal {
    /// Every word of [`log_word`](Self::log_word).
    pub fn log_words() -> impl Iterator<Item = &'static str> {
        let kinds = Kind::VARIANTS.iter().filter_map(|kind| kind.row().word);
        let unclean = Unclean::VARIANTS.iter().map(|unclean| unclean.log_word());
        let tokens = TokenFault::VARIANTS.iter().map(|fault| fault.log_word());
        kinds.chain(unclean).chain(tokens).chain(flaws_of_clients().map(Flaw::log_word))
    }

    /// That of a request whose body has this flaw.
    pub fn of_body(flaw: Flaw) -> Self {
        if flaw == Flaw::BrokenChunk { Self::BrokenBody } else { Self::Flawed(flaw) }
    }

    /// That of a request whose answer has this flaw.
    pub fn of_answer(flaw: Flaw) -> Self {
        if flaw == Flaw::Malformed { Self::BadAnswer } else { Self::UncleanAnswer }
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unclean(Unclean::Connect) | Self::BadHandshake(BadHandshake::Method) => {
                StatusCode::METHOD_NOT_ALLOWED
            }
            Self::BadHandshake(BadHandshake::WebsocketVersion) => StatusCode::UPGRADE_REQUIRED,
            Self::Flawed(flaw) => status_of(flaw),
            Self::BadToken(fault) if fault.is_of_a_known_one() => StatusCode::FORBIDDEN,
            _ => self.row().status,
        }
    }

    /// The one word for logs and metrics.
    pub fn log_word(self) -> &'static str {
        match self {
            Self::Unclean(unclean) => unclean.log_word(),
            Self::Flawed(flaw) => flaw.log_word(),
            Self::BadToken(fault) => fault.log_word(),
            _ => self.row().word.unwrap_or_default(),
        }
    }

    /// Whose fault it was.
    pub fn fault(self) -> Fault {
        self.row().fault
    }

    /// Whether nothing went wrong, but that there are too many at once.
    pub fn is_crowd(self) -> bool {
        matches!(self, Self::QueueFull | Self::QueueTimeout)
    }

    fn row(self) -> Row {
        Kind::from(self).row()
    }

    /// Whether nothing that follows on the connection is read: it may be part of what we did not understand
    /// (RFC 9112 §6.1, §6.3).
    pub fn is_last(self) -> bool {
        matches!(
            self,
            Self::Unclean(_) | Self::RequestTimeout | Self::BrokenBody | Self::BodyTooLarge | Self::Flawed(_)
        )
    }

    /// The answer, as any version of HTTP may give it. Every 5xx, and a 429, tells the client when to come again (RFC 9110 §10.2.3,
    /// RFC 6585 §4).
    pub fn response(self, terms: impl Into<RefusalTerms>) -> Response<Full<Bytes>> {
        let RefusalTerms { retry_after, challenge, text, is_head } = terms.into();
        let status = self.status();
        let RefusalText { content_type, text, is_negotiated } = text.unwrap_or_else(|| RefusalText::plain(self));
        let length = HeaderValue::from(text.len());
        let mut response = Response::new(Full::from(if is_head { Bytes::new() } else { text }));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        if is_head {
            headers.insert(CONTENT_LENGTH, length);
        }
        // What is wrong now may be right in a moment.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if is_negotiated {
            headers.insert(VARY, HeaderValue::from_static("accept"));
        }
        if self == Self::BadHandshake(BadHandshake::WebsocketVersion) {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if let Self::BadToken(fault) = self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(bearer_challenge(fault)));
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(RETRY_AFTER, retry_after.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 §15.5.6. Which methods a plain exchange may have is for the endpoint to say.
            let allowed = if self == Self::RenewalMethod { "POST" } else { "GET" };
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }

    /// What was wrong, where the word for it covers many mistakes.
    pub fn detail(self) -> Option<String> {
        self.row().text.is_none().then(|| self.to_string())
    }
}

/// What a client without a token that lets in is told to bring (RFC 6750 §3).
fn bearer_challenge(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::Missing => "Bearer",
        TokenFault::Claim => "Bearer error=\"insufficient_scope\"",
        _ => "Bearer error=\"invalid_token\"",
    }
}

/// Those that requests are refused for under names of their own.
fn flaws_of_clients() -> impl Iterator<Item = Flaw> {
    Flaw::VARIANTS.iter().copied().filter(|flaw| !matches!(flaw, Flaw::BrokenChunk | Flaw::UnaskedAnswer))
}

/// The status that a client's message with this flaw is answered with.
pub fn status_of(flaw: Flaw) -> StatusCode {
    match flaw {
        Flaw::TargetTooLong => StatusCode::URI_TOO_LONG,
        Flaw::HeadTooLarge | Flaw::TooManyHeaderLines | Flaw::HeaderLineTooLong => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclean(unclean) => unclean.fmt(f),
            Self::Flawed(flaw) => flaw.fmt(f),
            Self::BadToken(fault) => fault.fmt(f),
            Self::BadHandshake(bad) => bad.fmt(f),
            _ => f.write_str(self.row().text.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http::HeaderName;
    use http_body_util::BodyExt;

    use std::collections::BTreeSet;

    use super::*;

    /// Every refusal, as far as one differs from the others in more than its words.
    fn every() -> Vec<Refusal> {
        let of = |kind: &Kind| match kind {
            Kind::Unclean => Unclean::VARIANTS.iter().copied().map(Refusal::Unclean).collect(),
            Kind::BadHandshake => {
                let bad = [BadHandshake::KeyMissing, BadHandshake::Method, BadHandshake::WebsocketVersion];
                bad.map(Refusal::BadHandshake).to_vec()
            }
            Kind::BadToken => TokenFault::VARIANTS.iter().copied().map(Refusal::BadToken).collect(),
            Kind::RequestTimeout => vec![Refusal::RequestTimeout],
            Kind::BrokenBody => vec![Refusal::BrokenBody],
            Kind::Flawed => flaws_of_clients().map(Refusal::Flawed).collect(),
            Kind::BodyTooLarge => vec![Refusal::BodyTooLarge],
            Kind::NoRoute => vec![Refusal::NoRoute],
            Kind::Overdue => vec![Refusal::Overdue],
            Kind::ClientDenied => vec![Refusal::ClientDenied],
            Kind::ClientNotAllowed => vec![Refusal::ClientNotAllowed],
            Kind::ClientRate => vec![Refusal::ClientRate],
            Kind::ClientTunnels => vec![Refusal::ClientTunnels],
            Kind::RouteFull => vec![Refusal::RouteFull],
            Kind::NoPassword => vec![Refusal::NoPassword],
            Kind::WrongPassword => vec![Refusal::WrongPassword],
            Kind::PasswordsBusy => vec![Refusal::PasswordsBusy],
            Kind::ForeignOrigin => vec![Refusal::ForeignOrigin],
            Kind::NoOrigin => vec![Refusal::NoOrigin],
            Kind::KeysUnavailable => vec![Refusal::KeysUnavailable],
            Kind::RenewalUnnamed => vec![Refusal::RenewalUnnamed],
            Kind::RenewalUnknown => vec![Refusal::RenewalUnknown],
            Kind::RenewalForeign => vec![Refusal::RenewalForeign],
            Kind::RenewalMethod => vec![Refusal::RenewalMethod],
            Kind::Revoked => vec![Refusal::Revoked],
            Kind::AuthorizeDenied => vec![Refusal::AuthorizeDenied],
            Kind::AuthorizeFailed => vec![Refusal::AuthorizeFailed],
            Kind::AuthorizeTimeout => vec![Refusal::AuthorizeTimeout],
            Kind::ConnectFailed => vec![Refusal::ConnectFailed],
            Kind::BadAnswer => vec![Refusal::BadAnswer],
            Kind::UncleanAnswer => vec![Refusal::UncleanAnswer],
            Kind::AnswerLost => vec![Refusal::AnswerLost],
            Kind::NoEndpoint => vec![Refusal::NoEndpoint],
            Kind::Untranslatable => vec![Refusal::Untranslatable],
            Kind::ProtocolNotServed => vec![Refusal::ProtocolNotServed],
            Kind::Loop => vec![Refusal::Loop],
            Kind::RedirectLoop => vec![Refusal::RedirectLoop],
            Kind::BadRewrite => vec![Refusal::BadRewrite],
            Kind::Draining => vec![Refusal::Draining],
            Kind::NoRoom => vec![Refusal::NoRoom],
            Kind::QueueFull => vec![Refusal::QueueFull],
            Kind::QueueTimeout => vec![Refusal::QueueTimeout],
            Kind::ConnectTimeout => vec![Refusal::ConnectTimeout],
            Kind::RequestStuck => vec![Refusal::RequestStuck],
            Kind::HeadTimeout => vec![Refusal::HeadTimeout],
        };
        Kind::VARIANTS.iter().flat_map(of).collect()
    }

    fn header(refusal: Refusal, name: HeaderName) -> Option<String> {
        refusal.response(7).headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn statuses_are_those_that_clients_know() {
        let known = [400, 401, 403, 404, 405, 408, 413, 414, 426, 429, 431, 500, 501, 502, 503, 504, 508];
        for refusal in every() {
            assert!(known.contains(&refusal.status().as_u16()), "{refusal:?}");
            assert_eq!(refusal.status().is_client_error(), refusal.fault() == Fault::Client, "{refusal:?}");
        }
        let flawed: Vec<_> = flaws_of_clients().map(|flaw| status_of(flaw).as_u16()).collect();
        for (status, times) in [(431, 3), (414, 1)] {
            assert_eq!(flawed.iter().filter(|&&it| it == status).count(), times);
        }
    }

    #[test]
    fn every_word_is_listed_once() {
        let words: BTreeSet<_> = every().into_iter().map(Refusal::log_word).collect();
        assert_eq!(words, Refusal::log_words().collect());
        assert_eq!(words.len(), Refusal::log_words().count());
    }

    #[test]
    fn what_time_may_mend_tells_when_to_come_back() {
        for refusal in every() {
            let may_come_again = refusal.status().is_server_error() || refusal.status() == 429;
            let expected = may_come_again.then(|| "7".to_owned());
            assert_eq!(header(refusal, RETRY_AFTER), expected, "{refusal:?}");
        }
    }

    #[test]
    fn who_has_no_token_that_lets_in_is_told_what_to_bring() {
        let told = |fault| header(Refusal::BadToken(fault), WWW_AUTHENTICATE).unwrap();
        assert_eq!(told(TokenFault::Missing), "Bearer");
        assert_eq!(told(TokenFault::Issuer), told(TokenFault::Signature));
        assert_eq!(header(Refusal::NoRoute, WWW_AUTHENTICATE), None);
    }

    #[test]
    fn a_wrong_version_is_told_the_right_one() {
        assert_eq!(
            header(Refusal::BadHandshake(BadHandshake::WebsocketVersion), SEC_WEBSOCKET_VERSION).as_deref(),
            Some("13")
        );
    }

    #[test]
    fn a_401_says_what_is_asked_for() {
        let challenge = HeaderValue::from_static("Basic realm=\"a\"");
        let terms = RefusalTerms { challenge: Some(challenge.clone()), ..RefusalTerms::from(7) };
        let told = |refusal: Refusal| refusal.response(terms.clone()).headers().get(WWW_AUTHENTICATE).cloned();
        assert_eq!(told(Refusal::WrongPassword), Some(challenge));
        assert_eq!(told(Refusal::ClientDenied), None);
    }

    #[test]
    fn a_405_says_what_is_allowed() {
        assert_eq!(header(Refusal::BadHandshake(BadHandshake::Method), ALLOW).as_deref(), Some("GET"));
        assert_eq!(header(Refusal::RenewalMethod, ALLOW).as_deref(), Some("POST"));
        assert_eq!(header(Refusal::NoRoute, ALLOW), None);
    }

    #[test]
    fn the_body_says_which_it_was() {
        let body = Refusal::NoRoute.response(0).into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        assert_eq!(body, "404 no route for this host and path\n");
    }

    #[test]
    fn a_fault_is_told_by_the_class_of_the_status() {
        for refusal in every() {
            assert_eq!(refusal.fault() == Fault::Client, refusal.status().is_client_error(), "{refusal:?}");
        }
    }
}
