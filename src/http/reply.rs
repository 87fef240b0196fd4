//! The answers that are our own: every refusal, its status, and the words for the client and for the log.
//!
//! The one file that knows HTTP status numbers of ours. A text says what was wrong, and never an address.

use std::fmt;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::unclean::Unclean;
use crate::websocket::BadHandshake;

/// Why a request got no answer from an endpoint, or no tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Two parsers could read the request in two ways.
    Unclean(Unclean),
    /// The request is no valid WebSocket handshake (RFC 6455 §4.2.1).
    BadHandshake(BadHandshake),
    /// The rest of the request did not come in time.
    RequestTimeout,
    /// The request body makes no sense, or ended in its middle.
    BrokenBody,
    /// No route is for this host and path.
    NoRoute,
    /// No endpoint could be connected to: each refused, or was out of reach.
    ConnectFailed,
    /// The endpoint's answer made no sense: no HTTP, or a 101 that was not asked for or is wrong.
    BadAnswer,
    /// The endpoint ended the connection before its answer.
    AnswerLost,
    /// The upstream has no endpoint that may be used.
    NoEndpoint,
    /// The request has come through here again and again: an endpoint leads back (RFC 5842 §7.2).
    Loop,
    /// The process, or what the route leads to, is ending.
    Draining,
    /// The process or its machine has no descriptor, port or memory left for a connection with an endpoint, or every place for
    /// clients is taken.
    NoRoom,
    /// No endpoint could be connected to in time.
    ConnectTimeout,
    /// The endpoint took none of the request body for too long.
    RequestStuck,
    /// The head of the endpoint's answer did not come in time.
    HeadTimeout,
}

/// Who would have to change for a refusal not to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The one who sent the request.
    Client,
    /// The endpoints.
    Upstream,
    /// The proxy or its configuration.
    Us,
}

impl Fault {
    /// The word for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Us => "windlass",
        }
    }
}

impl Refusal {
    /// Every word of [`log_word`](Self::log_word).
    pub const LOG_WORDS: [&str; 15] = [
        Self::Unclean(Unclean::Connect).log_word(),
        Self::BadHandshake(BadHandshake::Method).log_word(),
        Self::RequestTimeout.log_word(),
        Self::BrokenBody.log_word(),
        Self::NoRoute.log_word(),
        Self::ConnectFailed.log_word(),
        Self::BadAnswer.log_word(),
        Self::AnswerLost.log_word(),
        Self::Loop.log_word(),
        Self::NoEndpoint.log_word(),
        Self::Draining.log_word(),
        Self::NoRoom.log_word(),
        Self::ConnectTimeout.log_word(),
        Self::RequestStuck.log_word(),
        Self::HeadTimeout.log_word(),
    ];

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unclean(Unclean::Connect) | Self::BadHandshake(BadHandshake::Method) => {
                StatusCode::METHOD_NOT_ALLOWED
            }
            Self::BadHandshake(BadHandshake::WebsocketVersion) => StatusCode::UPGRADE_REQUIRED,
            Self::Unclean(_) | Self::BadHandshake(_) | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::ConnectFailed | Self::BadAnswer | Self::AnswerLost => StatusCode::BAD_GATEWAY,
            Self::NoEndpoint | Self::Draining | Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::ConnectTimeout | Self::RequestStuck | Self::HeadTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The one word for logs and metrics.
    pub const fn log_word(self) -> &'static str {
        match self {
            Self::Unclean(_) => "unclean",
            Self::BadHandshake(_) => "bad_handshake",
            Self::RequestTimeout => "request_timeout",
            Self::BrokenBody => "broken_body",
            Self::NoRoute => "no_route",
            Self::ConnectFailed => "connect_failed",
            Self::BadAnswer => "bad_answer",
            Self::AnswerLost => "answer_lost",
            Self::Loop => "loop",
            Self::NoEndpoint => "no_endpoint",
            Self::Draining => "draining",
            Self::NoRoom => "no_room",
            Self::ConnectTimeout => "connect_timeout",
            Self::RequestStuck => "request_stuck",
            Self::HeadTimeout => "head_timeout",
        }
    }

    /// Whose fault it was.
    pub fn fault(self) -> Fault {
        match self {
            Self::Unclean(_) | Self::BadHandshake(_) | Self::RequestTimeout | Self::BrokenBody | Self::NoRoute => {
                Fault::Client
            }
            Self::ConnectFailed
            | Self::BadAnswer
            | Self::AnswerLost
            | Self::ConnectTimeout
            | Self::RequestStuck
            | Self::HeadTimeout => Fault::Upstream,
            Self::Loop | Self::NoEndpoint | Self::Draining | Self::NoRoom => Fault::Us,
        }
    }

    /// Whether nothing that follows on the connection is read: it may be part of what we did not understand
    /// (RFC 9112 §6.1, §6.3).
    pub fn is_last(self) -> bool {
        matches!(self, Self::Unclean(_) | Self::RequestTimeout | Self::BrokenBody)
    }

    /// The answer, as any version of HTTP may give it. `retry_after` is in seconds; every 5xx tells it to the client
    /// (RFC 9110 §10.2.3).
    pub fn response(self, retry_after: u32) -> Response<Full<Bytes>> {
        let status = self.status();
        let mut response = Response::new(Full::from(format!("{} {self}\n", status.as_str())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self == Self::BadHandshake(BadHandshake::WebsocketVersion) {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if status.is_server_error() {
            headers.insert(RETRY_AFTER, retry_after.into());
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 §15.5.6. Which methods a plain exchange may have is for the endpoint to say.
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }

    /// What was wrong, where the word for it covers many mistakes.
    pub fn detail(self) -> Option<String> {
        matches!(self, Self::Unclean(_) | Self::BadHandshake(_)).then(|| self.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unclean(unclean) => unclean.text(),
            Self::BadHandshake(bad) => return bad.fmt(f),
            Self::RequestTimeout => "the request took too long",
            Self::BrokenBody => "the request body is broken",
            Self::NoRoute => "no route for this host and path",
            Self::ConnectFailed => "no endpoint could be reached",
            Self::BadAnswer => "the endpoint's answer made no sense",
            Self::AnswerLost => "the endpoint gave no answer",
            Self::Loop => "the request came through windlass again and again: an endpoint leads back to it",
            Self::NoEndpoint => "no endpoint can be used now",
            Self::Draining => "going away, come back a little later",
            Self::NoRoom => "no room for another connection, come back a little later",
            Self::ConnectTimeout => "no endpoint could be reached in time",
            Self::RequestStuck => "the endpoint took too long to read the request",
            Self::HeadTimeout => "the endpoint took too long to answer",
        })
    }
}

/// The whole answer to HTTP without TLS on a port where TLS is spoken.
pub const PLAIN_HTTP_ON_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 44\r\nConnection: close\r\n\r\n400 this port speaks TLS: ask with https://\n";

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http::HeaderName;
    use http_body_util::BodyExt;

    use std::collections::BTreeSet;

    use super::*;

    const EVERY: [Refusal; 18] = [
        Refusal::Unclean(Unclean::Connect),
        Refusal::Unclean(Unclean::TransferEncoding),
        Refusal::BadHandshake(BadHandshake::KeyMissing),
        Refusal::BadHandshake(BadHandshake::Method),
        Refusal::BadHandshake(BadHandshake::WebsocketVersion),
        Refusal::RequestTimeout,
        Refusal::BrokenBody,
        Refusal::NoRoute,
        Refusal::ConnectFailed,
        Refusal::BadAnswer,
        Refusal::AnswerLost,
        Refusal::Loop,
        Refusal::NoEndpoint,
        Refusal::Draining,
        Refusal::NoRoom,
        Refusal::ConnectTimeout,
        Refusal::RequestStuck,
        Refusal::HeadTimeout,
    ];

    fn header(refusal: Refusal, name: HeaderName) -> Option<String> {
        refusal.response(7).headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn statuses_are_those_that_clients_know() {
        let statuses = EVERY.map(|refusal| refusal.status().as_u16());
        assert_eq!(
            statuses,
            [405, 400, 400, 405, 426, 408, 400, 404, 502, 502, 502, 508, 503, 503, 503, 504, 504, 504]
        );
    }

    #[test]
    fn every_word_is_listed_once() {
        let words: BTreeSet<_> = EVERY.map(Refusal::log_word).into();
        assert_eq!(words, Refusal::LOG_WORDS.into());
        assert_eq!(words.len(), Refusal::LOG_WORDS.len());
    }

    #[test]
    fn what_is_not_the_clients_fault_tells_when_to_come_back() {
        for refusal in EVERY {
            let expected = refusal.status().is_server_error().then(|| "7".to_owned());
            assert_eq!(header(refusal, RETRY_AFTER), expected, "{refusal:?}");
        }
    }

    #[test]
    fn a_wrong_version_is_told_the_right_one() {
        assert_eq!(
            header(Refusal::BadHandshake(BadHandshake::WebsocketVersion), SEC_WEBSOCKET_VERSION).as_deref(),
            Some("13")
        );
    }

    #[test]
    fn a_405_says_what_is_allowed() {
        assert_eq!(header(Refusal::BadHandshake(BadHandshake::Method), ALLOW).as_deref(), Some("GET"));
        assert_eq!(header(Refusal::NoRoute, ALLOW), None);
    }

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = str::from_utf8(PLAIN_HTTP_ON_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }

    #[test]
    fn the_body_says_which_it_was() {
        let body = Refusal::NoRoute.response(0).into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        assert_eq!(body, "404 no route for this host and path\n");
    }

    #[test]
    fn a_fault_is_told_by_the_class_of_the_status() {
        for refusal in EVERY {
            assert_eq!(refusal.fault() == Fault::Client, refusal.status().is_client_error(), "{refusal:?}");
        }
    }
}
