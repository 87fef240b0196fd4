//! A request to switch protocols, as the client's endpoint answers it.

use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::interim::Interim;
use super::placement::{Placed, reach};
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::endpoint::{NoHead, SwitchAnswer, Upload, exchange_heads, exchange_heads_around};
use crate::http::Refusal;
use crate::http::methods::is_idempotent;
use crate::snapshot::Lease;

/// Sends the request and reads the head of the answer, and what came with it.
///
/// The client's own connection may end under a request: then it is asked once more, over a new one, if that may be done
/// (RFC 9110 §9.2.2).
pub(super) async fn request_switch(
    context: &RequestContext,
    placed: &mut Placed,
    parts: &Parts,
    body: Option<Upload>,
    interim: &Interim,
) -> Result<SwitchAnswer, Refused> {
    let settings = &context.upstream().settings;
    let say = |status: StatusCode, headers: &HeaderMap| interim.say(status, headers);
    let Placed { lease, stream, is_owned, .. } = placed;
    if let Some(body) = body {
        // Boxed: it is rare, and every upgrade would have room for it.
        let answer = Box::pin(exchange_heads_around(body, stream, parts, settings, say));
        return answer.await.map_err(|no_head| blamed(context, lease, no_head));
    }
    loop {
        match exchange_heads(stream, parts, settings, say).await {
            Ok(answer) => return Ok(answer),
            Err(no_head) if *is_owned && no_head.is_silent() && is_idempotent(&parts.method) => {
                *stream = reach(context, lease.endpoint()).await?;
                *is_owned = false;
            }
            Err(no_head) => return Err(blamed(context, lease, no_head)),
        }
    }
}

/// Whose fault it is that there is no answer.
fn blamed(context: &RequestContext, lease: &Lease, no_head: NoHead) -> Refused {
    context.note_broken_tls(lease.endpoint(), &no_head);
    let refusal = match no_head {
        NoHead::Client(broken) => return broken.into(),
        NoHead::Stuck => Refusal::RequestStuck,
        NoHead::Late => Refusal::HeadTimeout,
        NoHead::Unfinished | NoHead::Closed { .. } | NoHead::Broken { .. } => Refusal::AnswerLost,
        NoHead::Nonsense(_) => Refusal::BadAnswer,
        NoHead::Flawed(flaw) => Refusal::of_answer(flaw),
    };
    lease.refused(refusal, no_head)
}
