//! One request: which route it takes, and whether it is to become a tunnel.

use std::sync::Arc;

use http::header::HeaderValue;
use http::request::Parts;
use http::{Method, Request};
use http_body::Body;
use tokio::time::Instant;

use super::admission::admit;
use super::body::AnswerBody;
use super::context::{Session, Welcome};
use super::lateness::until;
use super::refused::Refused;
use super::renewal::{is_renewal, renew};
use super::request_context::RequestContext;
use super::rules::{check_path, own_answer};
use super::served::Served;
use super::summary::Summary;
use super::{Phase, access_lines, access_log, challenge, exchange, traced, upgrade};
use crate::access::basic_challenge;
use crate::config::RouteSettings;
use crate::endpoint::ClientBody;
use crate::health::Asked;
use crate::http::client_address::client_address;
use crate::http::reader::{Handshake, Reader};
use crate::http::{Accept, Refusal, RefusalTerms, RefusalText, hops, underscores};
use crate::metrics::HandshakePhase;
use crate::rules::Subject;
use crate::snapshot::{Route, Target};

/// Answers a request that `reader` reads, or opens its tunnel. A refusal is an answer, and is logged.
pub(super) async fn answer(session: &Arc<Session>, request: Request<ClientBody>, reader: &Reader) -> Served {
    let started = Instant::now();
    let client = client_address(session.peer.ip(), request.headers(), session.trusted_proxies());
    access_log::not_believed(session, request.headers());
    let (mut parts, body) = request.into_parts();
    (reader.complete)(&mut parts);
    if let Some(answer) = challenge::answer(session, &parts, reader) {
        return Served::Answered(answer);
    }
    let summary = Summary::of(&parts, client);
    let has_access_log = session.proxy.records.has_access_log();
    let mut summary = if has_access_log { summary.with_visitor(&parts.headers) } else { summary };
    summary.trace = traced::begin(session, &parts.headers);
    let summary = Arc::new(summary);
    let accept = Accept::of(&parts.headers);
    let Found { route, path } = match find_route(session, &mut parts, reader) {
        Ok(found) => found,
        Err(refusal) => return refuse(session, (&summary, &accept), None, refusal.into(), started),
    };
    let mut context = RequestContext::new(session, route, &summary, started);
    let unanswered = traced::Unanswered::begin(&context);
    let answered = respond(&mut context, path, parts, body, reader).await;
    unanswered.end();
    match answered {
        Ok(served) => served,
        Err(refused) => refuse(session, (&summary, &accept), Some(&context.route), refused, started),
    }
}

/// The route of a request.
struct Found {
    route: Arc<Route>,
    /// Whether its path stays in that.
    path: Result<(), Refusal>,
}

/// The route of a request that can be read in one way only, as far as any is served.
fn find_route(session: &Session, parts: &mut Parts, reader: &Reader) -> Result<Found, Refusal> {
    (reader.check_limits)(parts, &session.listener.settings.hygiene).map_err(Refusal::Flawed)?;
    let underscores = session.listener.settings.hygiene.underscore_headers;
    underscores::settle(&mut parts.headers, underscores).map_err(Refusal::Unclean)?;
    let authority = (reader.check)(parts).map_err(Refusal::Unclean)?;
    session.may_serve()?;
    // Not for longer than this: a request may take hours, and must not keep an old configuration alive.
    let snapshot = session.proxy.snapshot();
    let asked = Subject { method: &parts.method, headers: &parts.headers, query: parts.uri.query() };
    let (listener, place) = (&session.listener.settings.name, (authority.host, parts.uri.path()));
    let route = snapshot.table.find(listener, place.0, place.1, asked).ok_or(Refusal::NoRoute)?;
    let path = check_path(&snapshot, route, listener, place, asked);
    let route = Arc::clone(route);
    hops::count(&mut parts.headers)?;
    Ok(Found { route, path })
}

/// What a request comes to that has found its route. Whatever may still keep it from being served is a stage of its own, and
/// stands at the front.
async fn respond(
    context: &mut RequestContext,
    path: Result<(), Refusal>,
    mut parts: Parts,
    body: ClientBody,
    reader: &Reader,
) -> Result<Served, Refused> {
    context.settle_request_id(&mut parts.headers);
    path?;
    check_length(context, &body)?;
    let handshake = read_handshake(context, &parts, reader)?;
    let asked = if handshake.is_some() { Asked::Upgrade } else { Asked::Exchange };
    // Who has asked for a WebSocket and ends its direction has changed its mind.
    context.session.fin_ends.set(matches!(handshake, Some(Handshake::Websocket(_))));
    // A tunnel has all the time that it takes.
    let deadline = context.deadline().filter(|_| asked == Asked::Exchange).map(|deadline| deadline.at);
    let begun = Instant::now();
    let admitted = tokio::select! {
        biased;
        admitted = admit(context, &mut parts, asked) => admitted,
        () = until(deadline) => Err(Refusal::Overdue.into()),
    };
    context.session.fin_ends.set(false);
    context.note_phase(HandshakePhase::Authorize, begun);
    admitted?;
    context.changes = context.route_changes(&parts);
    if is_renewal(context, &parts) {
        return renew(context, &parts);
    }
    match &context.route.target {
        Target::Upstreams(_) => {}
        Target::Redirect(redirect) => return own_answer::redirect(context, &parts, redirect),
        Target::Respond(settings, body) => return own_answer::respond(context, &parts, asked, (settings, body)),
    }
    context.change_path(&mut parts.uri)?;
    let place = context.place.take();
    context.choose_branch(&parts.uri, &parts.headers);
    let request = Request::from_parts(parts, body);
    match handshake {
        None => Box::pin(exchange::run(context, request)).await.map(Served::Answered),
        Some(handshake) => Box::pin(upgrade::open(context, request, handshake, place)).await,
    }
}

/// Refuses a body that says itself that it is too large, before anybody waits for it.
fn check_length(context: &RequestContext, body: &ClientBody) -> Result<(), Refusal> {
    let most = context.route.settings.exchange.max_body;
    if most.is_some_and(|most| body.size_hint().lower() > most) { Err(Refusal::BodyTooLarge) } else { Ok(()) }
}

/// What the request asks to become, if its route lets that through.
fn read_handshake(context: &RequestContext, parts: &Parts, reader: &Reader) -> Result<Option<Handshake>, Refusal> {
    let mut tolerance = context.tolerance();
    let handshake = (reader.handshake)(parts, &context.route.settings.upgrade, &mut tolerance)?;
    access_log::lenient(context, tolerance.needed());
    Ok(handshake)
}

/// Logs a refusal, which is what the request comes to.
fn refuse(
    session: &Session,
    (summary, accept): (&Summary, &Accept),
    route: Option<&Route>,
    refused: Refused,
    started: Instant,
) -> Served {
    let settings = route.map(|route| &*route.settings);
    let (name, took) = (settings.map(|it| &it.name), started.elapsed());
    access_log::refused(session, summary, name, &refused, None, took);
    let is_head = summary.method == Method::HEAD;
    let sent = |text: &[u8]| (refused.status(), if is_head { 0 } else { text.len() });
    if let Some(answer) = &refused.answer {
        access_lines::refused(session, summary, name, &refused, sent(answer.body()), took);
    }
    if let Some(answer) = refused.answer {
        return Served::Answered(answer.map(|body| AnswerBody::own(body.into())));
    }
    let refusal = refused.refusal;
    // The slowest rate brings a token a second.
    let retry_after = if refusal == Refusal::ClientRate { 1 } else { retry_after(session) };
    let status = refusal.status().as_u16();
    let everywhere = Arc::clone(&session.proxy.snapshot().error_pages);
    let page = route.and_then(|route| route.error_pages.find(status)).or_else(|| everywhere.find(status));
    let text = RefusalText::of(refusal, summary.request_name(), page, accept);
    access_lines::refused(session, summary, name, &refused, sent(&text.text), took);
    let challenge = challenge_of(refusal, settings);
    Served::Refused(refusal, RefusalTerms { retry_after, challenge, text: Some(text), is_head })
}

/// What whoever is refused so is asked for.
fn challenge_of(refusal: Refusal, route: Option<&RouteSettings>) -> Option<HeaderValue> {
    let is_asked = matches!(refusal, Refusal::NoPassword | Refusal::WrongPassword);
    let basic = route.filter(|_| is_asked)?.access.basic_auth.as_ref()?;
    basic_challenge(&basic.realm)
}

impl Session {
    /// Whether requests are served at all.
    fn may_serve(&self) -> Result<(), Refusal> {
        match self.welcome {
            Welcome::TurnedAway => Err(Refusal::NoRoom),
            Welcome::Served if self.proxy.phase() >= Phase::Closing => Err(Refusal::Draining),
            Welcome::Served => Ok(()),
        }
    }
}

/// Seconds after which a refused client may come back; jittered, so that not all do at once. During a stop it is within
/// what that still takes, and a moment more.
fn retry_after(session: &Session) -> u32 {
    let times = *session.proxy.phases().borrow();
    let stop = times.drain.filter(|_| times.phase >= Phase::Draining);
    let left = stop.map_or(0, |times| times.deadline.saturating_duration_since(Instant::now()).as_secs());
    fastrand::u32(1..=u32::try_from(left).unwrap_or(u32::MAX).clamp(5, MOST_RETRY_AFTER))
}

/// A client that is told to wait for longer may not wait at all.
const MOST_RETRY_AFTER: u32 = 120;
