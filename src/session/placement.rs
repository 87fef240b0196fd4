//! A connection with an endpoint, or why there is none.

use http::StatusCode;

use super::placed_by::PlacedBy;
use super::refused::Refused;
use super::request_context::RequestContext;
use super::turn::HandshakeTurn;
use crate::config::EndpointProtocol;
use crate::endpoint::{FirstWords, NoSlot, NotOpened, dial};
use crate::http::Refusal;
use crate::net::{DialError, Stream, TlsFailure};
use crate::snapshot::{Endpoint, Lease};

/// A connection for an upgrade with the endpoint that it was placed on.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) lease: Lease,
    /// Until the head of the answer is there.
    pub(super) turn: Option<HandshakeTurn>,
    pub(super) stream: Stream,
    /// The client has authenticated the connection, or may have: it serves nobody else any more.
    pub(super) is_owned: bool,
    pub(super) by: PlacedBy,
}

/// Why there is no connection with an endpoint.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// Another one may be reached: it is this endpoint's fault, or that of the ports left for its address.
    One(Refused),
    /// Nor could any other: we are short of what every connection takes.
    All(Refused),
}

/// Connects to an endpoint for an upgrade, which has this place and this turn there, and is placed by `by`. A connection that the
/// client has authenticated is one already.
pub(super) async fn connect(
    context: &RequestContext,
    (lease, turn): (Lease, Option<HandshakeTurn>),
    by: PlacedBy,
) -> Result<Placed, Unreachable> {
    if let Some(connection) = context.owned(lease.endpoint())
        && let Some(stream) = connection.into_stream().await
    {
        return Ok(Placed { lease, turn, stream, is_owned: true, by });
    }
    match reach(context, lease.endpoint()).await {
        Ok(stream) => Ok(Placed { lease, turn, stream, is_owned: false, by }),
        Err(unreachable) => {
            if let Some(turn) = turn {
                turn.end(Err(unreachable.refusal()));
            }
            Err(unreachable)
        }
    }
}

/// Opens a connection with an endpoint.
pub(super) async fn reach(context: &RequestContext, endpoint: &Endpoint) -> Result<Stream, Unreachable> {
    let proxy = &context.session.proxy;
    let first = FirstWords { header: context.proxy_header(), protocol: EndpointProtocol::Http1 };
    let dialled = dial(endpoint, context.upstream(), &proxy.network, &proxy.metrics, first).await;
    dialled.map_err(|error| {
        let (refusal, is_for_all) = (not_dialled(&error), is_for_all(&error));
        Unreachable::of(endpoint.refused(refusal, error), is_for_all)
    })
}

/// What a client is told of a connect that came to nothing.
fn not_dialled(error: &DialError) -> Refusal {
    match error {
        DialError::Tls(failure) if matches!(**failure, TlsFailure::TimedOut) => Refusal::ConnectTimeout,
        DialError::Failed(_) | DialError::Tls(_) => Refusal::ConnectFailed,
        DialError::TimedOut | DialError::NoneAnswered(_) => Refusal::ConnectTimeout,
        DialError::OutOfPorts(_) | DialError::Exhausted(_) => Refusal::NoRoom,
    }
}

/// Whether no other endpoint could be connected to, either.
fn is_for_all(error: &DialError) -> bool {
    matches!(error, DialError::Exhausted(_))
}

impl Placed {
    /// The handshake has come to its end, with an answer of this status or with none.
    pub(super) fn end_turn(&mut self, answered: Result<StatusCode, Refusal>) {
        if let Some(turn) = self.turn.take() {
            turn.end(answered);
        }
    }
}

impl Unreachable {
    fn of(refused: Refused, is_for_all: bool) -> Self {
        if is_for_all { Self::All(refused) } else { Self::One(refused) }
    }

    /// No connection could be opened that requests share.
    pub(super) fn not_opened(endpoint: &Endpoint, NoSlot { why, is_told }: NoSlot) -> Self {
        let (refusal, is_for_all) = match &*why {
            NotOpened::NotReached(error) => (not_dialled(error), is_for_all(error)),
            NotOpened::Silent => (Refusal::ConnectTimeout, false),
            NotOpened::Closed(_) | NotOpened::EndedAtOnce | NotOpened::NoStreams => (Refusal::AnswerLost, false),
            NotOpened::Nonsense(_) => (Refusal::BadAnswer, false),
        };
        Self::of(endpoint.refused(refusal, why).told(is_told), is_for_all)
    }

    fn refusal(&self) -> Refusal {
        let (Self::One(refused) | Self::All(refused)) = self;
        refused.refusal
    }

    /// The refusal for the case that no other endpoint is left.
    ///
    /// # Errors
    /// None can be reached.
    pub(super) fn or_try_the_next(self) -> Result<Refused, Refused> {
        match self {
            Self::One(refused) => Ok(refused),
            Self::All(refused) => Err(refused),
        }
    }
}

impl From<Unreachable> for Refused {
    fn from(unreachable: Unreachable) -> Self {
        match unreachable {
            Unreachable::One(refused) | Unreachable::All(refused) => refused,
        }
    }
}
