//! A connection with an endpoint, or why there is none.

use http::StatusCode;

use super::placed_by::PlacedBy;
use super::refused::Refused;
use super::request_context::RequestContext;
use super::turn::HandshakeTurn;
use crate::endpoint::dial;
use crate::http::Refusal;
use crate::net::{DialError, Socket};
use crate::snapshot::{Endpoint, Lease};

/// A connection for an upgrade with the endpoint that it was placed on.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) lease: Lease,
    /// Until the head of the answer is there.
    pub(super) turn: Option<HandshakeTurn>,
    pub(super) stream: Socket,
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
pub(super) async fn reach(context: &RequestContext, endpoint: &Endpoint) -> Result<Socket, Unreachable> {
    let proxy = &context.session.proxy;
    let dialled = dial(endpoint, &context.upstream().settings, &proxy.network, &proxy.metrics).await;
    dialled.map_err(|error| {
        let refusal = match error {
            DialError::Failed(_) => Refusal::ConnectFailed,
            DialError::TimedOut => Refusal::ConnectTimeout,
            DialError::OutOfPorts(_) | DialError::Exhausted(_) => Refusal::NoRoom,
        };
        let is_for_all = matches!(error, DialError::Exhausted(_));
        let refused = endpoint.refused(refusal, error);
        if is_for_all { Unreachable::All(refused) } else { Unreachable::One(refused) }
    })
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
