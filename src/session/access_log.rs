//! What the log and the counters are told of requests and tunnels: one line each when they end, fields not prose.
//!
//! Never a query string, a cookie, a credential or a payload. Every line has the `request_id` of its request, and the `tunnel` where there
//! is one.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tracing::field::DisplayValue;

use super::access_lines;
use super::context::Session;
use super::counted::labels;
use super::end::End;
use super::exchanged::Exchanged;
use super::placed_by::PlacedBy;
use super::records::Records;
use super::refused::Refused;
use super::request_context::RequestContext;
use super::summary::Summary;
use super::sums::About;
use super::traced;
use super::tunnel_record::{PortIs, RecordedRequest, Unpacked};
use crate::config::{LoggedExchanges, RouteName, WebsocketSettings};
use crate::drain::{Registration, TunnelHandle};
use crate::http::client_address::{is_trusted, says_for_whom};
use crate::metrics::{ClientProtocol, CountedTunnel, Metrics, TunnelEnd};
use crate::snapshot::Route;
use crate::traces::{TraceContext, TraceId};
use crate::tunnel::Outcome;
use crate::websocket::{CloseCode, Extensions, Leniencies};

/// A request was refused; `route` is the one that it took, if it got so far. A WebSocket may have been accepted and `closed`
/// instead of an answer.
pub(super) fn refused(
    session: &Session,
    summary: &Summary,
    route: Option<&RouteName>,
    refused: &Refused,
    closed: Option<CloseCode>,
    took: Duration,
) {
    let Summary { method, host, path, client, upgrade, .. } = summary;
    let refusal = refused.refusal;
    session.proxy.metrics.refused(refusal.log_word(), refusal.kind(), route);
    traced::refused(session, summary, route, refused, closed, took);
    let listener = session.listener.settings.name.clone();
    let about = About { message: "refused", word: refusal.log_word(), listener, client: Some(*client) };
    if !session.proxy.sums.is_to_be_written(about) {
        return;
    }
    tracing::info!(
        %client,
        listener = %session.listener.settings.name,
        protocol = summary.protocol().as_str(),
        route = route.map(tracing::field::display),
        %method,
        host,
        path,
        request_id = %summary.request_id(),
        trace_id = summary.sampled().map(trace_id),
        upgrade = upgrade.as_deref(),
        status = closed.map_or(refused.status(), |_| StatusCode::SWITCHING_PROTOCOLS).as_u16(),
        code = closed.map(|code| code.get()),
        refusal = refusal.log_word(),
        fault = refusal.fault().as_str(),
        detail = refused.cause.as_ref().map(ToString::to_string).or_else(|| refusal.detail()),
        took_ms = millis(took),
        "refused"
    );
}

/// A connection ended otherwise than between two requests, and nobody was turned away: its client left.
pub(super) fn broken(session: &Session, error: &dyn Error) {
    let listener = &session.listener.settings.name;
    tracing::debug!(%listener, client = %session.peer.ip(), %error, "connection broken");
}

/// Somebody who is not trusted says on whose behalf it speaks.
pub(super) fn not_believed(session: &Session, headers: &HeaderMap) {
    let listener = &session.listener;
    let peer = session.peer.ip().to_canonical();
    if says_for_whom(headers)
        && !session.is_unnamed
        && !is_trusted(peer, session.trusted_proxies())
        && listener.strangers.is_new(peer)
    {
        tracing::warn!(
            listener = %listener.settings.name,
            %peer,
            "X-Forwarded-For or Forwarded comes from a peer outside of trusted_proxies and is not believed: everybody behind it \
             counts as one client; if it is a proxy of yours, add it to trusted_proxies of this listener"
        );
    }
}

/// An exchange has ended.
pub(super) fn exchanged(exchanged: &Exchanged<'_>) {
    let Exchanged { session, route, summary, answer, end, uploaded, answered, took } = exchanged;
    let Summary { method, host, path, client, upgrade, .. } = summary;
    let status = answer.map(|(_, status)| status.as_u16());
    let protocol = summary.protocol();
    session.proxy.metrics.exchanged((route, protocol), status, end.log_word(), *took);
    access_lines::exchanged(exchanged);
    traced::exchanged(exchanged);
    let Some(sample_rate) = sampled(session, status, *end) else { return };
    tracing::info!(
        %client,
        listener = %session.listener.settings.name,
        protocol = protocol.as_str(),
        %route,
        endpoint = answer.map(|(endpoint, _)| tracing::field::display(endpoint)),
        %method,
        host,
        path,
        request_id = %summary.request_id(),
        trace_id = summary.sampled().map(trace_id),
        upgrade = upgrade.as_deref(),
        status,
        outcome = end.log_word(),
        sample_rate,
        bytes_from_client = uploaded,
        bytes_from_upstream = answered,
        took_ms = millis(*took),
        "exchange"
    );
}

/// A route has answered by itself, with so many bytes.
pub(super) fn answered(context: &RequestContext, status: StatusCode, bytes: usize) {
    let Summary { method, host, path, client, upgrade, .. } = &*context.summary;
    let (session, protocol) = (&context.session, context.summary.protocol());
    let (route, took) = (&context.route.settings.name, context.started.elapsed());
    session.proxy.metrics.exchanged((route, protocol), Some(status.as_u16()), End::Answered.log_word(), took);
    access_lines::answered(context, status, bytes);
    traced::answered(context, status, bytes, End::Answered.log_word());
    let Some(sample_rate) = sampled(session, Some(status.as_u16()), End::Answered) else { return };
    tracing::info!(
        %client,
        listener = %session.listener.settings.name,
        protocol = protocol.as_str(),
        %route,
        %method,
        host,
        path,
        request_id = %context.summary.request_id(),
        trace_id = context.summary.sampled().map(trace_id),
        upgrade = upgrade.as_deref(),
        status = status.as_u16(),
        outcome = End::Answered.log_word(),
        sample_rate,
        bytes_answered = bytes,
        took_ms = millis(took),
        "exchange"
    );
}

/// Whether an exchange has a line, and the share of those like it that have one, where that is not each.
fn sampled(session: &Session, status: Option<u16>, end: End) -> Option<Option<f64>> {
    let is_failed = end.is_failure() || status.is_some_and(|status| status >= 500);
    match session.proxy.snapshot().settings.log.exchanges {
        LoggedExchanges::All => Some(None),
        _ if is_failed => Some(None),
        LoggedExchanges::Failed => None,
        LoggedExchanges::Share(rate) => (fastrand::f64() < rate.get()).then_some(Some(rate.get())),
    }
}

/// A tunnel is about to open.
pub(super) fn opened(context: &RequestContext, registration: &Registration, placed: PlacedBy, took: Duration) {
    let handle = registration.handle();
    context.session.proxy.metrics.opening_took(took, &context.phases.times(context.started, context.started + took));
    traced::opened(context, registration, placed);
    let Summary { host, path, .. } = &*context.summary;
    // A callsite has one level.
    macro_rules! said {
        ($say:ident) => {
            tracing::$say!(
                tunnel = handle.id.0,
                client = %context.client,
                listener = %handle.member.listener.0,
                protocol = context.summary.protocol().as_str(),
                route = %handle.member.route.0,
                upstream = %handle.member.upstream.0,
                endpoint = %handle.member.endpoint.0,
                placed = PlacedBy::word_of(placed as u8),
                host,
                path,
                request_id = %context.summary.request_id(),
                trace_id = context.summary.sampled().map(trace_id),
                took_ms = millis(took),
                "tunnel opened"
            )
        };
    }
    match context.session.proxy.snapshot().settings.log.opened {
        true => said!(info),
        false => said!(debug),
    }
}

/// A handshake was let pass although it is against RFC 6455.
pub(super) fn lenient(context: &RequestContext, needed: Leniencies) {
    for leniency in needed.iter() {
        context.session.proxy.metrics.lenient(leniency);
        tracing::debug!(
            client = %context.client,
            route = %context.route.settings.name,
            request_id = %context.summary.request_id(),
            what = leniency.as_str(),
            "a handshake needed leniency"
        );
    }
}

/// A tunnel is about to open with an extension that we do not know: said once in the life of a route.
pub(super) fn unknown_extension(route: &Route, extensions: Extensions) {
    if extensions == Extensions::Unknown && route.is_first_unknown_extension() {
        tracing::warn!(route = %route.settings.name, "an extension that windlass does not know was negotiated: reserved bits and opcodes are not judged");
    }
}

/// The two streams of a tunnel are joined.
pub(super) fn joined(metrics: &Metrics, handle: &TunnelHandle, protocol: ClientProtocol) {
    metrics.tunnel_opened(counted(handle, protocol));
}

/// A tunnel goes on here that another process has opened.
pub(super) fn arrived(metrics: &Metrics, handle: &TunnelHandle, protocol: ClientProtocol) {
    metrics.tunnel_arrived(counted(handle, protocol));
}

/// A tunnel goes on in another process: it has not ended.
pub(super) fn left(metrics: &Metrics, handle: &TunnelHandle, protocol: ClientProtocol) {
    metrics.tunnel_left(counted(handle, protocol));
}

/// What is counted of a tunnel.
fn counted(handle: &TunnelHandle, protocol: ClientProtocol) -> CountedTunnel<'_> {
    let member = &handle.member;
    CountedTunnel { listener: &member.listener.0, route: &member.route.0, protocol }
}

/// A tunnel has ended; by `key` its client is known if it comes back.
pub(super) fn ended(
    records: &Records,
    handle: &TunnelHandle,
    settings: &WebsocketSettings,
    (record, key): (RecordedRequest<'_>, u64),
    outcome: &Outcome,
) {
    let Outcome { ending, sides, counts, leniencies, duration, quiet } = outcome;
    let (metrics, (word, by, code)) = (&records.metrics, labels(ending, settings));
    let end = TunnelEnd { outcome: word, by, code, life: *duration, quiet: *quiet, key };
    metrics.tunnel_ended(counted(handle, record.protocol()), &end);
    let Unpacked { port, port_is, placed, path, host, user_agent, request_id, trace, moves, headers } =
        record.unpacked();
    for leniency in leniencies.iter() {
        metrics.lenient(leniency);
        tracing::debug!(
            tunnel = handle.id.0,
            client = %handle.client,
            route = %handle.member.route.0,
            %request_id,
            what = leniency.as_str(),
            "frames needed leniency"
        );
    }
    let is_there = |text: &&str| !text.is_empty();
    tracing::info!(
        tunnel = handle.id.0,
        client = %handle.client,
        client_port = (port_is == PortIs::Client).then_some(port),
        proxy_port = (port_is == PortIs::Proxy).then_some(port),
        listener = %handle.member.listener.0,
        protocol = record.protocol().as_str(),
        route = %handle.member.route.0,
        upstream = %handle.member.upstream.0,
        endpoint = %handle.member.endpoint.0,
        placed,
        host,
        path,
        %request_id,
        trace_id = trace.map(trace_id),
        user_agent = Some(user_agent).filter(is_there),
        headers = (!headers.is_empty()).then(|| object_of(&headers)),
        duration_ms = millis(*duration),
        moved = (moves > 0).then_some(moves),
        messages_from_client = counts.from_client.messages,
        bytes_from_client = counts.from_client.bytes,
        messages_from_upstream = counts.from_upstream.messages,
        bytes_from_upstream = counts.from_upstream.bytes,
        ended_by = by,
        code = code.map(|code| code.get()),
        outcome = word,
        why = %ending,
        client_left = sides.client.as_str(),
        upstream_left = sides.upstream.as_str(),
        "tunnel ended"
    );
    access_lines::ended(records, handle, record, outcome);
    traced::ended(records, handle, (trace, request_id), (word, by, code), outcome);
}

/// Names and texts as an object of JSON: the line makes of that what suits it.
fn object_of(texts: &[(&str, &str)]) -> String {
    serde_json::Value::Object(texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect())
        .to_string()
}

/// The trace in which there is more of it.
fn trace_id(context: TraceContext) -> DisplayValue<TraceId> {
    tracing::field::display(context.trace)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
