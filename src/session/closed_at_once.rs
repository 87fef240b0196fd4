//! A WebSocket that is accepted only to be told that there are too many: a page reads why it is closed, but no status of an answer.

use http::{HeaderMap, StatusCode};

use super::refused::Refused;
use super::request_context::RequestContext;
use super::served::{ClosedAtOnce, Served};
use super::{access_lines, access_log};
use crate::config::WhenFull;
use crate::http::reader::Handshake;
use crate::websocket::{CloseCode, bare_answer};

/// What a request comes to that is refused before an endpoint was asked: where its upstream says so, and it would have been a
/// WebSocket, that is accepted and closed. `offered` are the headers of the request.
///
/// # Errors
/// It is refused as any request is.
pub(super) fn close_at_once(
    context: &RequestContext,
    offered: &HeaderMap,
    handshake: Handshake,
    refused: Refused,
) -> Result<Served, Refused> {
    let Handshake::Websocket(key) = &handshake else { return Err(refused) };
    if context.upstream().settings.when_full != WhenFull::Close || !refused.refusal.is_crowd() {
        return Err(refused);
    }
    let code = CloseCode::TRY_AGAIN_LATER;
    let (session, summary, took) = (&context.session, &context.summary, context.started.elapsed());
    let route = Some(&context.route.settings.name);
    access_log::refused(session, summary, route, &refused, Some(code), took);
    access_lines::refused(session, summary, route, &refused, (StatusCode::SWITCHING_PROTOCOLS, 0), took);
    let headers = bare_answer(offered, key);
    Ok(Served::ClosedAtOnce(Box::new(ClosedAtOnce { headers, handshake, code, refusal: refused.refusal })))
}
