//! What spans say of requests and tunnels: one for each handshake, exchange and refusal, and one for the end of a tunnel, where they are
//! taken ([docs/traces.md](../../docs/traces.md)).
//!
//! Never a query string, a cookie, a credential or a payload.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Version};
use tokio::time::Instant;

use super::Phase;
use super::context::Session;
use super::end::End;
use super::exchanged::Exchanged;
use super::placed_by::PlacedBy;
use super::records::Records;
use super::refused::Refused;
use super::request_context::RequestContext;
use super::request_id::RequestId;
use super::summary::Summary;
use crate::config::RouteName;
use crate::drain::{Registration, TunnelHandle};
use crate::grammar::Authority;
use crate::http::client_address::is_trusted;
use crate::http::forward::Trust;
use crate::metrics::HandshakePhase;
use crate::process::unix_time;
use crate::snapshot::Route;
use crate::traces::{Attribute, Finish, Moment, RequestTrace, Span, SpanKind, TraceContext, Value};
use crate::tunnel::Outcome;
use crate::websocket::CloseCode;

/// Begins the span of a request with these headers; `None` where traces are off.
pub(super) fn begin(session: &Session, headers: &HeaderMap) -> Option<Box<RequestTrace>> {
    let tracer = session.proxy.records.tracer();
    let tracer = tracer.as_ref()?;
    let is_trusted = is_trusted(session.peer.ip(), session.trusted_proxies());
    let trust = if is_trusted { Trust::Trusted } else { Trust::Untrusted };
    Some(Box::new(tracer.begin(headers, trust)))
}

/// A tunnel is about to open.
pub(super) fn opened(context: &RequestContext, registration: &Registration, placed: PlacedBy) {
    let (session, summary) = (&context.session, &*context.summary);
    let Some(trace) = &summary.trace else { return };
    if let Some((begun, took)) = context.phases.tls() {
        trace.note_before(HandshakePhase::Tls.as_str(), begun, begun + took);
    }
    finish(session, summary, || {
        let handle = registration.handle();
        let member = &handle.member;
        let status = if summary.version == Version::HTTP_2 { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
        let mut attributes = about(session, summary, Some(&member.route.0), Some(status.as_u16()));
        attributes.extend([
            ("windlass.tunnel", handle.id.0.into()),
            ("windlass.upstream", member.upstream.0.as_str().into()),
            ("windlass.endpoint", member.endpoint.0.as_str().into()),
            ("windlass.placed", PlacedBy::word_of(placed as u8).into()),
        ]);
        let begun = context.phases.begun(context.started);
        Finish { name: name(summary, Some(&member.route.0)), begun, attributes, error: None }
    });
}

/// A request was refused, as the line about it says.
pub(super) fn refused(
    session: &Session,
    summary: &Summary,
    route: Option<&RouteName>,
    refused: &Refused,
    closed: Option<CloseCode>,
    took: Duration,
) {
    finish(session, summary, || {
        let (refusal, word) = (refused.refusal, refused.refusal.log_word());
        let status = closed.map_or(refused.status(), |_| StatusCode::SWITCHING_PROTOCOLS);
        let detail = detail(refused);
        let mut attributes = about(session, summary, route, Some(status.as_u16()));
        attributes.extend([
            ("windlass.refusal", word.into()),
            ("windlass.fault", refusal.fault().as_str().into()),
            ("windlass.detail", detail.as_str().into()),
        ]);
        attributes.extend(closed.map(|code| ("windlass.code", code.get().into())));
        // What a client has done wrong is no error of ours, whatever its WebSocket was closed with.
        let error = refused.status().is_server_error().then_some(detail);
        attributes.extend(error.is_some().then(|| ("error.type", word.into())));
        Finish { name: name(summary, route), begun: before(took), attributes, error }
    });
}

/// A request that is taken, while nobody has answered it: dropped before that, it is one whose client has left, or that the process has
/// not waited for.
pub(super) struct Unanswered(Option<Box<Asked>>);

struct Asked {
    session: Arc<Session>,
    summary: Arc<Summary>,
    route: Arc<Route>,
    started: Instant,
}

impl Unanswered {
    /// The request that `context` is of.
    pub(super) fn begin(context: &RequestContext) -> Self {
        Self(context.summary.sampled().map(|_| {
            let (session, summary) = (Arc::clone(&context.session), Arc::clone(&context.summary));
            Box::new(Asked { session, summary, route: Arc::clone(&context.route), started: context.started })
        }))
    }

    /// It has an answer, or a refusal.
    pub(super) fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(asked) = self.0.take() else { return };
        let Asked { session, summary, route, started } = *asked;
        let end = if session.proxy.phase() == Phase::Cutting { End::Cut } else { End::ClientLeft };
        finish(&session, &summary, || {
            let route = &route.settings.name;
            let mut attributes = about(&session, &summary, Some(route), None);
            attributes.push(("windlass.outcome", end.log_word().into()));
            let error = end.is_failure().then(|| end.log_word().to_owned());
            attributes.extend(error.clone().map(|error| ("error.type", error.into())));
            Finish { name: name(&summary, Some(route)), begun: started, attributes, error }
        });
    }
}

/// An exchange has ended.
pub(super) fn exchanged(exchanged: &Exchanged<'_>) {
    let Exchanged { session, route, summary, answer, end, uploaded, answered, took } = *exchanged;
    finish(session, summary, || {
        let status = answer.map(|(_, status)| status.as_u16());
        let mut attributes = about(session, summary, Some(route), status);
        attributes.extend(answer.map(|(endpoint, _)| ("windlass.endpoint", endpoint.as_str().into())));
        attributes.extend([
            ("windlass.outcome", end.log_word().into()),
            ("http.request.body.size", uploaded.into()),
            ("http.response.body.size", answered.into()),
        ]);
        let error = if end.is_failure() { Some(end.log_word().to_owned()) } else { status.and_then(failed) };
        attributes.extend(error.clone().map(|error| ("error.type", error.into())));
        Finish { name: name(summary, Some(route)), begun: before(took), attributes, error }
    });
}

/// A route has answered by itself, with so many bytes.
pub(super) fn answered(context: &RequestContext, status: StatusCode, bytes: usize, outcome: &'static str) {
    let (session, summary, route) = (&context.session, &*context.summary, &context.route.settings.name);
    finish(session, summary, || {
        let mut attributes = about(session, summary, Some(route), Some(status.as_u16()));
        attributes.extend([("windlass.outcome", outcome.into()), ("http.response.body.size", (bytes as u64).into())]);
        let error = failed(status.as_u16());
        attributes.extend(error.clone().map(|error| ("error.type", error.into())));
        Finish { name: name(summary, Some(route)), begun: context.started, attributes, error }
    });
}

/// A tunnel has ended whose handshake is in this trace: a span of a moment, for one of days would be cut, or never shown, by whoever looks.
/// It begins a trace of its own: one that goes on for days is put together by nobody.
pub(super) fn ended(
    records: &Records,
    handle: &TunnelHandle,
    (handshake, request): (Option<TraceContext>, RequestId<'_>),
    (word, by, code): (&'static str, &'static str, Option<CloseCode>),
    outcome: &Outcome,
) {
    let Some(handshake) = handshake else { return };
    let tracer = records.tracer();
    let Some(tracer) = &*tracer else { return };
    let Outcome { ending, sides, counts, duration, .. } = outcome;
    let member = &handle.member;
    let ended = now().told();
    let mut attributes: Vec<Attribute> = vec![
        ("windlass.tunnel", handle.id.0.into()),
        ("windlass.request_id", request.to_string().into()),
        ("windlass.listener", member.listener.0.as_str().into()),
        ("windlass.route", member.route.0.as_str().into()),
        ("windlass.upstream", member.upstream.0.as_str().into()),
        ("windlass.endpoint", member.endpoint.0.as_str().into()),
        ("client.address", handle.client.to_string().into()),
        ("windlass.duration", (*duration).into()),
        ("windlass.messages_from_client", counts.from_client.messages.into()),
        ("windlass.bytes_from_client", counts.from_client.bytes.into()),
        ("windlass.messages_from_upstream", counts.from_upstream.messages.into()),
        ("windlass.bytes_from_upstream", counts.from_upstream.bytes.into()),
        ("windlass.outcome", word.into()),
        ("windlass.ended_by", by.into()),
        ("windlass.why", ending.to_string().into()),
        ("windlass.client_left", sides.client.as_str().into()),
        ("windlass.upstream_left", sides.upstream.as_str().into()),
    ];
    attributes.extend(code.map(|code| ("windlass.code", Value::from(code.get()))));
    tracer.send(vec![Span {
        context: TraceContext::begin((fastrand::u128(..), fastrand::u64(..)), true),
        parent: None,
        name: format!("tunnel ended {}", member.route.0).into(),
        kind: SpanKind::Internal,
        begun: ended.saturating_sub(A_MOMENT),
        ended,
        attributes,
        events: Vec::new(),
        events_left_out: 0,
        links: vec![handshake],
        error: None,
    }]);
}

/// The request is over, for its trace.
fn finish(session: &Session, summary: &Summary, finish: impl FnOnce() -> Finish) {
    let Some(trace) = summary.trace.as_ref().filter(|trace| trace.sampled().is_some()) else { return };
    if let Some(tracer) = &*session.proxy.records.tracer() {
        tracer.send(trace.finish(now(), finish));
    }
}

/// What is said of a request, however it ends (OpenTelemetry's conventions for HTTP, and names of ours).
fn about(session: &Session, summary: &Summary, route: Option<&RouteName>, status: Option<u16>) -> Vec<Attribute> {
    let method = known_method(&summary.method);
    let version = match summary.version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    let mut attributes: Vec<Attribute> = vec![
        ("http.request.method", method.unwrap_or("_OTHER").into()),
        ("url.scheme", session.scheme.as_str().into()),
        ("url.path", summary.path.as_str().into()),
        ("network.protocol.version", version.into()),
        ("client.address", summary.client.to_string().into()),
        ("network.peer.address", session.peer.ip().to_canonical().to_string().into()),
        ("network.peer.port", session.peer.port().into()),
        ("windlass.listener", session.listener.settings.name.as_str().into()),
        ("windlass.request_id", summary.request_id().to_string().into()),
    ];
    if method.is_none() {
        attributes.push(("http.request.method_original", summary.method.as_str().into()));
    }
    if let Some(Authority { host, port }) = Authority::parse(&summary.host) {
        attributes.push(("server.address", host.into()));
        attributes.push(("server.port", port.unwrap_or(session.scheme.default_port()).into()));
    }
    attributes.extend(route.map(|route| ("windlass.route", route.as_str().into())));
    attributes.extend(summary.upgrade.as_deref().map(|upgrade| ("windlass.upgrade", upgrade.into())));
    attributes.extend(status.map(|status| ("http.response.status_code", status.into())));
    attributes
}

/// The method and the route: of few of both there are many requests.
fn name(summary: &Summary, route: Option<&RouteName>) -> std::borrow::Cow<'static, str> {
    let method = known_method(&summary.method).unwrap_or("HTTP");
    match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    }
}

/// Why a request was refused, for the operator.
pub(super) fn detail(Refused { refusal, cause, .. }: &Refused) -> String {
    let detail = cause.as_ref().map(ToString::to_string).or_else(|| refusal.detail());
    detail.unwrap_or_else(|| refusal.to_string())
}

/// What went wrong, where this is the status of an answer.
fn failed(status: u16) -> Option<String> {
    (status >= 500).then(|| status.to_string())
}

/// A method as spans have it; `None`: one that nobody knows.
pub(super) fn known_method(method: &Method) -> Option<&'static str> {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
        .into_iter()
        .find(|known| *known == method.as_str())
}

/// When something began that took so long.
fn before(took: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(took).unwrap_or(now)
}

fn now() -> Moment {
    Moment::new(Instant::now(), unix_time())
}

/// How long the end of a tunnel is, in nanoseconds: as long as is drawn.
const A_MOMENT: u64 = 1_000_000;
