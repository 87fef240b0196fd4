//! The turn of a request's handshake with an endpoint, where its upstream limits how many there are at once.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, timeout};

use super::queued::wait_for;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::http::Refusal;
use crate::queue::{Displaced, Entry, HandshakeOutcome, QueueIsFull, Turn, WaitForTurn};
use crate::snapshot::Endpoint;

/// The turn of a handshake that is under way. Dropped before its end, its client has left.
#[derive(Debug)]
pub(super) struct HandshakeTurn {
    turn: Turn,
    begun: Instant,
}

/// Why there is no turn with an endpoint.
#[derive(Debug)]
pub(super) enum NoTurn {
    /// Nobody is placed there any more, or this request is not if it has to wait: the next one may do.
    EndpointIsAway,
    Refused(Refused),
}

/// Takes a turn with an endpoint, and waits for one where all are given out and it `may_wait`; `None` where there are as many as
/// one likes.
pub(super) async fn take_turn(
    context: &RequestContext,
    endpoint: &Arc<Endpoint>,
    may_wait: bool,
) -> Result<Option<HandshakeTurn>, NoTurn> {
    let settings = &context.upstream().settings;
    let Some(gate) = settings.handshakes_at_once.and(endpoint.gate()) else { return Ok(None) };
    let most_waiting = if may_wait { settings.queue.length } else { 0 };
    let turn = match gate.enter(context.client.into(), most_waiting) {
        Ok(Entry::Turn(turn)) => turn,
        // Boxed: it is rare, and every upgrade would have room for it.
        Ok(Entry::Wait(wait)) => Box::pin(wait_for_turn(context, endpoint, wait)).await?,
        Err(QueueIsFull) if may_wait => return Err(NoTurn::Refused(Refusal::QueueFull.into())),
        Err(QueueIsFull) => return Err(NoTurn::EndpointIsAway),
    };
    Ok(Some(HandshakeTurn { turn, begun: Instant::now() }))
}

async fn wait_for_turn(context: &RequestContext, endpoint: &Endpoint, mut wait: WaitForTurn) -> Result<Turn, NoTurn> {
    let is_away = || {
        let is_gone = endpoint.retirement.has_come() || endpoint.state().is_drained();
        is_gone || context.upstream().has_better_than(endpoint)
    };
    let called = async {
        while !is_away() {
            if let Ok(called) = timeout(LOOK_EVERY, &mut wait).await {
                return Ok(Some(called.map_err(|Displaced| Refusal::QueueFull)?));
            }
        }
        Ok(None)
    };
    let turn = wait_for(context, called).await?;
    // What comes of a turn that is dropped here is nothing.
    turn.filter(|_| !is_away()).ok_or(NoTurn::EndpointIsAway)
}

impl HandshakeTurn {
    /// Ends it with what came of the handshake: the status of the endpoint's answer, or why there is none.
    pub(super) fn end(mut self, came_of_it: Result<StatusCode, Refusal>) {
        let outcome = match came_of_it {
            Ok(StatusCode::SWITCHING_PROTOCOLS) => HandshakeOutcome::Switched(self.begun.elapsed()),
            Ok(StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) => {
                HandshakeOutcome::Failed
            }
            Err(
                Refusal::ConnectFailed
                | Refusal::ConnectTimeout
                | Refusal::RequestStuck
                | Refusal::HeadTimeout
                | Refusal::AnswerLost
                | Refusal::BadAnswer,
            ) => HandshakeOutcome::Failed,
            Ok(_) | Err(_) => HandshakeOutcome::Undecided,
        };
        self.turn.note(outcome, Instant::now().into_std());
    }
}

impl Drop for HandshakeTurn {
    fn drop(&mut self) {
        if !self.turn.has_outcome() {
            let abandoned = HandshakeOutcome::Abandoned(self.begun.elapsed());
            self.turn.note(abandoned, Instant::now().into_std());
        }
    }
}

impl From<Refused> for NoTurn {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// How soon who waits notices that its endpoint has gone away.
const LOOK_EVERY: Duration = Duration::from_millis(250);
