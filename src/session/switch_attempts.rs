//! Asking the endpoints that an upgrade is meant for, best first, until one has the last word.
//!
//! Nothing has reached the client yet, and a handshake may be repeated (RFC 9110 §9.2.2): so an endpoint that loses it, answers with
//! nonsense, or says that it cannot serve now, is left for the next best, as long as not too many do (`retry`). The last one's answer
//! is the client's, whatever it says.

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::access_log;
use super::attempt_outcome::AskedUpgrade;
use super::attempts::MOST_ASKED;
use super::free_place::{FreePlace, free_places};
use super::interim::Interim;
use super::placed_by::PlacedBy;
use super::placement::{Placed, connect};
use super::refused::{EndpointFault, Refused};
use super::request_context::RequestContext;
use super::switch_request::request_switch;
use super::turn::{NoTurn, take_turn};
use crate::balance::Affinity;
use crate::endpoint::{SwitchAnswer, Upload};
use crate::health::Asked;
use crate::http::head::ResponseHead;
use crate::http::methods::is_idempotent;
use crate::http::reader::Handshake;
use crate::http::{Fault, Refusal, forward};
use crate::metrics::HandshakePhase;
use crate::tunnel::Protocol;
use crate::websocket::check_answer;

/// What an endpoint has answered to an upgrade.
#[derive(Debug)]
pub(super) struct SwitchAttempt {
    pub(super) placed: Placed,
    pub(super) answer: SwitchAnswer,
    /// What the two sides speak from now on, where it switches.
    pub(super) protocol: Option<Protocol>,
}

/// Asks the endpoints that are meant for the request, best first, until one has the last word.
pub(super) async fn ask_best_to_switch(
    context: &RequestContext,
    affinity: &Affinity,
    handshake: &Handshake,
    parts: &mut Parts,
    mut body: Option<Upload>,
    interim: &Interim,
) -> Result<SwitchAttempt, Refused> {
    // What another protocol's handshake begins may not be for two endpoints, whatever its method says.
    let is_repeatable = matches!(handshake, Handshake::Websocket(_)) && body.is_none() && is_idempotent(&parts.method);
    context.upstream().retries.note_request();
    let (mut best, mut readers, mut was_read) = (Err(Refused::from(Refusal::NoEndpoint)), 0, false);
    for FreePlace { attempt, pick, lease } in free_places(context, affinity).await? {
        let turn = match take_turn(context, pick.endpoint, pick.trial.is_none()).await {
            Ok(turn) => turn,
            Err(NoTurn::EndpointIsAway) => continue,
            // Nothing ties it to this endpoint, and others may have turns.
            Err(NoTurn::Refused(refused)) if refused.refusal == Refusal::QueueFull && !affinity.ties() => {
                best = best.or(Err(refused));
                continue;
            }
            Err(NoTurn::Refused(refused)) => return best.or(Err(refused)),
        };
        // Not before there is somebody to ask.
        if was_read && !context.take_retry() {
            break;
        }
        let endpoint = pick.endpoint;
        let by = PlacedBy::of(attempt, affinity, context.upstream(), pick.endpoint);
        let pick = AskedUpgrade::begin(context, pick);
        context.begin_call(&parts.method, &mut parts.headers, endpoint);
        let begun = Instant::now();
        let connected = connect(context, (lease, turn), by).await;
        context.note_phase(HandshakePhase::Connect, begun);
        let (next, is_read) = match connected {
            Ok(placed) => {
                let begun = Instant::now();
                let asked = ask(context, placed, handshake, parts, body.take(), interim).await;
                context.note_phase(HandshakePhase::Answer, begun);
                (asked, true)
            }
            Err(unreachable) => (Err(unreachable.or_try_the_next()?), false),
        };
        context.end_call(next.as_ref().map(SwitchAttempt::status));
        pick.end(|context, pick| match &next {
            Ok(attempt) if attempt.is_unavailable() => {
                context.note_failure(pick, Asked::Upgrade, &format_args!("status {}", attempt.status().as_str()));
            }
            Ok(_) => context.note_success(pick, Asked::Upgrade),
            Err(refused) => context.note_refused(pick, Asked::Upgrade, refused),
        });
        was_read = is_read;
        readers += usize::from(is_read);
        let is_over = is_read && (!is_repeatable || readers >= MOST_ASKED || has_last_word(&next));
        // An answer tells the client more than that there was none.
        if next.is_ok() || best.is_err() {
            best = next;
        }
        if is_over {
            break;
        }
    }
    best
}

/// Whether no other endpoint is asked: this one has answered for itself, or it is not to blame.
fn has_last_word(attempt: &Result<SwitchAttempt, Refused>) -> bool {
    match attempt {
        Ok(attempt) => !attempt.is_unavailable(),
        Err(refused) => refused.refusal.fault() != Fault::Upstream,
    }
}

impl SwitchAttempt {
    fn status(&self) -> StatusCode {
        self.answer.head.status
    }

    /// Whether the endpoint says that it cannot serve now: others may (RFC 9110 §15.6.3-5).
    fn is_unavailable(&self) -> bool {
        matches!(self.status(), StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
    }
}

/// Asks the endpoint with which there is a connection.
async fn ask(
    context: &RequestContext,
    mut placed: Placed,
    handshake: &Handshake,
    parts: &mut Parts,
    body: Option<Upload>,
    interim: &Interim,
) -> Result<SwitchAttempt, Refused> {
    context.set_host(&mut parts.headers, placed.lease.endpoint());
    let answered = request_switch(context, &mut placed, parts, body, interim).await;
    placed.end_turn(answered.as_ref().map(|answer| answer.head.status).map_err(|refused| refused.refusal));
    let answer = answered?;
    let protocol = match answer.head.is_switch() {
        true => check_switch(context, &parts.headers, handshake, &answer.head)
            .map(Some)
            .map_err(|detail| placed.lease.refused(Refusal::BadAnswer, detail))?,
        false => None,
    };
    Ok(SwitchAttempt { placed, answer, protocol })
}

/// Whether the 101 opens what was asked for (RFC 6455 §4.1, RFC 9110 §7.8); what the two sides will speak then.
fn check_switch(
    context: &RequestContext,
    offered: &HeaderMap,
    handshake: &Handshake,
    head: &ResponseHead,
) -> Result<Protocol, EndpointFault> {
    match handshake {
        Handshake::Websocket(key) => {
            let mut tolerance = context.tolerance();
            let extensions = check_answer(offered, key, &head.headers, &mut tolerance)?;
            access_log::lenient(context, tolerance.needed());
            access_log::unknown_extension(&context.route, extensions);
            Ok(Protocol::Websocket(extensions))
        }
        Handshake::Other(token) if forward::switches_to(&head.headers, token) => Ok(Protocol::Raw),
        Handshake::Other(token) => Err(EndpointFault::NotSwitched(token.clone())),
    }
}
