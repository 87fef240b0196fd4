//! Why a request is refused: each kind of it, and whose fault it was.

use strum::{EnumDiscriminants, VariantArray};

use super::unclean::Unclean;
use crate::access::TokenFault;
use crate::judge::Flaw;
use crate::websocket::BadHandshake;

/// Why a request got no answer from an endpoint, or no tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(name(Kind), vis(pub(super)), doc = "The kinds of refusals.", derive(VariantArray))]
pub enum Refusal {
    /// Two parsers could read the request in two ways.
    Unclean(Unclean),
    /// The request is no valid WebSocket handshake (RFC 6455 §4.2.1).
    BadHandshake(BadHandshake),
    /// The rest of the request did not come in time.
    RequestTimeout,
    /// The request body makes no sense, or ended in its middle.
    BrokenBody,
    /// Two parsers could see the end of the request body at two places.
    Flawed(Flaw),
    /// The request body has more bytes than its route lets through.
    BodyTooLarge,
    /// No route is for this host and path.
    NoRoute,
    /// Clients of this address may not ask.
    ClientDenied,
    /// The client's address is none of those that may ask.
    ClientNotAllowed,
    /// The client opens more tunnels a second than it may.
    ClientRate,
    /// The client has as many tunnels as it may.
    ClientTunnels,
    /// The route has as many tunnels as it may.
    RouteFull,
    /// It has to say a name and a password, and does not.
    NoPassword,
    /// Its name and password are nobody's.
    WrongPassword,
    /// More passwords wait to be compared than are compared in good time.
    PasswordsBusy,
    /// It comes from a page of a site that may not ask.
    ForeignOrigin,
    /// It does not say of which site the page is that it comes from.
    NoOrigin,
    /// Its token lets nobody in.
    BadToken(TokenFault),
    /// The keys by which its token is verified have not come yet.
    KeysUnavailable,
    /// It is to prolong tunnels, and does not name any.
    RenewalUnnamed,
    /// No open tunnel has the name under which some are to be prolonged.
    RenewalUnknown,
    /// Its tunnels were opened by somebody else.
    RenewalForeign,
    /// It asks for where tunnels are prolonged, and does not do that.
    RenewalMethod,
    /// An operator has taken back what it was let in by, before its tunnel was open.
    Revoked,
    /// A server that was asked has said that it may not enter: the client gets that answer.
    AuthorizeDenied,
    /// The server that has to be asked could not be, or said neither yes nor no.
    AuthorizeFailed,
    /// The server that has to be asked gave no answer in time.
    AuthorizeTimeout,
    /// No endpoint could be connected to: each refused, or was out of reach.
    ConnectFailed,
    /// The endpoint's answer made no sense: no HTTP, or a 101 that was not asked for or is wrong.
    BadAnswer,
    /// Two parsers could read the endpoint's answer in two ways.
    UncleanAnswer,
    /// The endpoint ended the connection before its answer.
    AnswerLost,
    /// The upstream has no endpoint that may be used.
    NoEndpoint,
    /// The request cannot be said in the protocol that the endpoints speak.
    Untranslatable,
    /// The request wants a tunnel of a `:protocol` that is not spoken here, or not on its route (RFC 8441 §5).
    ProtocolNotServed,
    /// The request has come through here again and again: an endpoint leads back (RFC 5842 §7.2).
    Loop,
    /// The redirect of its route leads to where the client has just asked.
    RedirectLoop,
    /// Its path cannot be rewritten as its route says: what comes out is no path.
    BadRewrite,
    /// The process, or what the route leads to, is ending.
    Draining,
    /// The process or its machine has no descriptor, port or memory left for a connection with an endpoint, or every place for
    /// clients is taken.
    NoRoom,
    /// The endpoints take no more at once, and the queue for them is full.
    QueueFull,
    /// The endpoints took nobody more for as long as one may wait.
    QueueTimeout,
    /// No endpoint could be connected to in time.
    ConnectTimeout,
    /// The endpoint took none of the request body for too long.
    RequestStuck,
    /// The head of the endpoint's answer did not come in time.
    HeadTimeout,
    /// The whole exchange took longer than its route allows.
    Overdue,
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
