//! The table of refusals: what is the same of every one of a kind, its word for logs and metrics, and its status.

use http::StatusCode;

use super::refusal::{Fault, Kind};

/// What is the same of every refusal of a kind.
pub(super) struct Row {
    /// The one word for logs and metrics; `None` where each mistake has one of its own.
    pub(super) word: Option<&'static str>,
    /// Who would have to change.
    pub(super) fault: Fault,
    /// The status of the answer, where no mistake has one of its own.
    pub(super) status: StatusCode,
    /// What the client is told; `None` where each mistake has words of its own.
    pub(super) text: Option<&'static str>,
}

impl Kind {
    /// The table of refusals.
    pub(super) fn row(self) -> Row {
        use Fault::{Client, Upstream, Us};
        const fn row(word: &'static str, fault: Fault, status: StatusCode, text: &'static str) -> Row {
            Row { word: Some(word), fault, status, text: Some(text) }
        }
        match self {
            Self::Unclean | Self::Flawed => {
                Row { word: None, fault: Client, status: StatusCode::BAD_REQUEST, text: None }
            }
            Self::BadToken => Row { word: None, fault: Client, status: StatusCode::UNAUTHORIZED, text: None },
            Self::BadHandshake => {
                Row { word: Some("bad_handshake"), fault: Client, status: StatusCode::BAD_REQUEST, text: None }
            }
            Self::RequestTimeout => {
                row("request_timeout", Client, StatusCode::REQUEST_TIMEOUT, "the request took too long")
            }
            Self::BrokenBody => row("broken_body", Client, StatusCode::BAD_REQUEST, "the request body is broken"),
            Self::BodyTooLarge => row(
                "body_too_large",
                Client,
                StatusCode::PAYLOAD_TOO_LARGE,
                "the request body is larger than what is taken here",
            ),
            Self::NoRoute => row("no_route", Client, StatusCode::NOT_FOUND, "no route for this host and path"),
            Self::ClientDenied => {
                row("client_denied", Client, StatusCode::FORBIDDEN, "clients of your address may not connect here")
            }
            Self::ClientNotAllowed => {
                row("client_not_allowed", Client, StatusCode::FORBIDDEN, "clients of your address may not connect here")
            }
            Self::ClientRate => row(
                "client_rate",
                Client,
                StatusCode::TOO_MANY_REQUESTS,
                "you connect too often, come back a little later",
            ),
            Self::ClientTunnels => row(
                "client_tunnels",
                Client,
                StatusCode::TOO_MANY_REQUESTS,
                "you have too many connections, close one or come back later",
            ),
            Self::RouteFull => row(
                "route_full",
                Us,
                StatusCode::SERVICE_UNAVAILABLE,
                "too many are connected, come back a little later",
            ),
            Self::NoPassword => {
                row("no_password", Client, StatusCode::UNAUTHORIZED, "a name and a password are needed")
            }
            Self::WrongPassword => {
                row("wrong_password", Client, StatusCode::UNAUTHORIZED, "the name or the password is wrong")
            }
            Self::PasswordsBusy => row(
                "passwords_busy",
                Us,
                StatusCode::SERVICE_UNAVAILABLE,
                "too many passwords wait to be compared, come back a little later",
            ),
            Self::ForeignOrigin => {
                row("foreign_origin", Client, StatusCode::FORBIDDEN, "pages of this origin may not connect here")
            }
            Self::NoOrigin => row("no_origin", Client, StatusCode::FORBIDDEN, "the request has to say its origin"),
            Self::KeysUnavailable => row(
                "keys_unavailable",
                Us,
                StatusCode::SERVICE_UNAVAILABLE,
                "tokens cannot be verified yet, come back a little later",
            ),
            Self::RenewalUnnamed => row(
                "renewal_unnamed",
                Client,
                StatusCode::BAD_REQUEST,
                "say which tunnel, by the header or the cookie windlass-tunnel that came with it",
            ),
            Self::RenewalUnknown => {
                row("renewal_unknown", Client, StatusCode::NOT_FOUND, "no open tunnel has this name: open a new one")
            }
            Self::RenewalForeign => row(
                "renewal_foreign",
                Client,
                StatusCode::FORBIDDEN,
                "the tunnel was opened by somebody else than the token is for",
            ),
            Self::RenewalMethod => {
                row("renewal_method", Client, StatusCode::METHOD_NOT_ALLOWED, "tunnels are renewed by POST")
            }
            Self::Revoked => row("revoked", Client, StatusCode::FORBIDDEN, "the permission was taken back"),
            Self::AuthorizeDenied => {
                row("authorize_denied", Client, StatusCode::FORBIDDEN, "the request may not enter")
            }
            Self::AuthorizeFailed => row(
                "authorize_failed",
                Us,
                StatusCode::SERVICE_UNAVAILABLE,
                "nobody could say whether the request may enter, come back a little later",
            ),
            Self::AuthorizeTimeout => row(
                "authorize_timeout",
                Us,
                StatusCode::SERVICE_UNAVAILABLE,
                "nobody said in time whether the request may enter, come back a little later",
            ),
            Self::ConnectFailed => {
                row("connect_failed", Upstream, StatusCode::BAD_GATEWAY, "no endpoint could be reached")
            }
            Self::BadAnswer => {
                row("bad_answer", Upstream, StatusCode::BAD_GATEWAY, "the endpoint's answer made no sense")
            }
            Self::UncleanAnswer => {
                row("unclean_answer", Upstream, StatusCode::BAD_GATEWAY, "the endpoint's answer made no sense")
            }
            Self::AnswerLost => row("answer_lost", Upstream, StatusCode::BAD_GATEWAY, "the endpoint gave no answer"),
            Self::NoEndpoint => row("no_endpoint", Us, StatusCode::SERVICE_UNAVAILABLE, "no endpoint can be used now"),
            Self::Untranslatable => row(
                "untranslatable",
                Us,
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request cannot be said in the protocol that the endpoints speak",
            ),
            Self::ProtocolNotServed => {
                row("protocol_not_served", Us, StatusCode::NOT_IMPLEMENTED, "no tunnel of this protocol is served here")
            }
            Self::Loop => row(
                "loop",
                Us,
                StatusCode::LOOP_DETECTED,
                "the request came through windlass again and again: an endpoint leads back to it",
            ),
            Self::RedirectLoop => row(
                "redirect_loop",
                Us,
                StatusCode::LOOP_DETECTED,
                "this address leads back to itself: its redirect is for another one",
            ),
            Self::BadRewrite => {
                row("bad_rewrite", Client, StatusCode::BAD_REQUEST, "nothing can be asked for at this path")
            }
            Self::Draining => {
                row("draining", Us, StatusCode::SERVICE_UNAVAILABLE, "going away, come back a little later")
            }
            Self::NoRoom => row(
                "no_room",
                Us,
                StatusCode::SERVICE_UNAVAILABLE,
                "no room for another connection, come back a little later",
            ),
            Self::QueueFull => row(
                "queue_full",
                Upstream,
                StatusCode::SERVICE_UNAVAILABLE,
                "too many wait for an endpoint, come back a little later",
            ),
            Self::QueueTimeout => row(
                "queue_timeout",
                Upstream,
                StatusCode::SERVICE_UNAVAILABLE,
                "no endpoint has taken another one for too long, come back a little later",
            ),
            Self::ConnectTimeout => {
                row("connect_timeout", Upstream, StatusCode::GATEWAY_TIMEOUT, "no endpoint could be reached in time")
            }
            Self::RequestStuck => row(
                "request_stuck",
                Upstream,
                StatusCode::GATEWAY_TIMEOUT,
                "the endpoint took too long to read the request",
            ),
            Self::HeadTimeout => {
                row("head_timeout", Upstream, StatusCode::GATEWAY_TIMEOUT, "the endpoint took too long to answer")
            }
            Self::Overdue => {
                row("overdue", Upstream, StatusCode::GATEWAY_TIMEOUT, "the request took longer than it may")
            }
        }
    }
}
