//! ★ The story of a tunnel: from a request that wants to upgrade to two streams joined.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Request};
use http_body::Body;
use hyper::body::Incoming;

use super::answered_without_101::pass_on;
use super::closed_at_once::close_at_once;
use super::interim::Interim;
use super::placed_by::PlacedBy;
use super::placement::{Placed, connect};
use super::refused::{EndpointFault, Refused};
use super::request_context::RequestContext;
use super::served::{OpenTunnel, Served};
use super::switch_request::request_switch;
use super::tunnel_record::TunnelRecord;
use super::unopened::Switched;
use super::{Phase, access_log};
use crate::config::{Compression, WebsocketSettings};
use crate::drain::{Member, Registration};
use crate::endpoint::{SwitchAnswer, Upload, UploadProgress};
use crate::http::affinity::Asks;
use crate::http::head::ResponseHead;
use crate::http::reader::Handshake;
use crate::http::{Refusal, binding, forward};
use crate::ranges::within;
use crate::snapshot::Lease;
use crate::tunnel::Protocol;
use crate::websocket::{check_answer, refuse_compression, refuse_unknown};

/// Opens the tunnel that a client asks for; where the endpoint answers with something else than a 101, that is the answer.
pub(super) async fn open(
    context: &RequestContext,
    request: Request<Incoming>,
    handshake: Handshake,
) -> Result<Served, Refused> {
    let (mut parts, body) = request.into_parts();
    if context.session.proxy.phase() >= Phase::Draining {
        return Err(Refusal::Draining.into());
    }
    let affinity = context.affinity(&parts.uri, &parts.headers, Asks::Upgrade);
    limit_offer(&mut parts.headers, &context.route.settings.websocket);
    forward::request(&mut parts.headers, context.arrival, Some(handshake.token()));
    let (body, upload) = upload(context, body, &mut parts.headers);

    let mut placed = match connect(context, &affinity, &handshake).await {
        Ok(placed) => placed,
        Err(refused) => return close_at_once(context, &parts.headers, handshake, refused),
    };
    let answer = answer(context, &handshake, &mut placed, &parts, body).await?;
    let head = &answer.head;
    let cookie = context.pin_cookie(placed.lease.endpoint(), &affinity);
    if !head.is_switch() {
        placed.is_owned |= binding::is_step(&parts.headers) || binding::is_step(&head.headers);
        return pass_on(context, parts.method, placed, answer, upload, cookie).await.map(Served::Answered);
    }
    let Placed { lease, stream, by, .. } = placed;
    let protocol = check_switch(context, &parts.headers, &handshake, head)
        .map_err(|detail| lease.refused(Refusal::BadAnswer, detail))?;
    let endpoint = Switched::new(stream, protocol, context.tunnel_settings(protocol));
    let registration = register_tunnel(context, &lease);
    if let Some(order) = registration.handle().order() {
        endpoint.dismiss(&order);
        return Err(Refusal::Draining.into());
    }
    access_log::opened(context, &registration, context.started.elapsed());
    let record = record(context, &parts.headers, by);
    let SwitchAnswer { head, read, .. } = answer;
    let early = within(&read, head.length..).to_vec();
    let mut headers = head.headers;
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    let metrics = Arc::clone(&context.session.proxy.metrics);
    let opened = OpenTunnel { endpoint, early, headers, handshake, registration, lease, metrics, record };
    Ok(Served::Opened(Box::new(opened)))
}

/// Asks the endpoint to switch. Its answer, and everything that was read with it.
async fn answer(
    context: &RequestContext,
    handshake: &Handshake,
    placed: &mut Placed,
    parts: &Parts,
    body: Option<Upload>,
) -> Result<SwitchAnswer, Refused> {
    let session = &context.session;
    let interim = Interim::begin(session, parts.version).await;
    // Who has asked for a WebSocket and ends its direction has changed its mind.
    session.fin_ends.set(matches!(handshake, Handshake::Websocket(_)));
    let answered = request_switch(context, placed, parts, body, &interim).await;
    session.fin_ends.set(false);
    placed.end_turn(answered.as_ref().map(|answer| answer.head.status).map_err(|refused| refused.refusal));
    match &answered {
        // Whoever joins the streams waits until everything before the 101 is out, and meanwhile the endpoint is not forgotten.
        Ok(answer) if answer.head.is_switch() => interim.close(),
        _ => interim.conclude().await,
    }
    answered
}

/// The body that goes to the endpoint before the answer counts, and how far it got; `None` where there is none, and then
/// nothing is said of its length.
fn upload(context: &RequestContext, body: Incoming, headers: &mut HeaderMap) -> (Option<Upload>, Arc<UploadProgress>) {
    // A client that waits for a 100 gets ours: hyper says it when the body is asked for.
    forward::remove(headers, |name| *name == EXPECT);
    if body.is_end_stream() {
        forward::remove(headers, |name| *name == CONTENT_LENGTH);
        return (None, Arc::default());
    }
    let (upload, _sent) = Upload::new(body, None, context.session.listener.settings.body_timeout);
    let progress = upload.progress();
    (Some(upload), progress)
}

/// Takes out of an offer what the route does not let the two ends agree on. An answer that names it all the same is none.
fn limit_offer(headers: &mut HeaderMap, settings: &WebsocketSettings) {
    if settings.compression == Compression::Refuse {
        refuse_compression(headers);
    }
    if settings.limits_inflated() {
        refuse_unknown(headers);
    }
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

/// From now on the tunnel is counted, and reached by drains.
fn register_tunnel(context: &RequestContext, lease: &Lease) -> Registration {
    let session = &context.session;
    let endpoint = lease.endpoint();
    let member = Member {
        listener: (session.listener.settings.name.clone(), session.listener.life.incarnation),
        route: (context.route.settings.name.clone(), context.route.life.incarnation),
        upstream: (context.upstream().settings.name.clone(), context.upstream().life.incarnation),
        endpoint: (endpoint.name.clone(), endpoint.life.incarnation),
        client: context.client,
    };
    session.proxy.registry.register(session.worker, member)
}

/// What the line about the end of the tunnel tells of its request.
fn record(context: &RequestContext, headers: &HeaderMap, by: PlacedBy) -> TunnelRecord {
    let peer = (context.session.peer.ip(), context.session.peer.port());
    // Not for longer than this: a tunnel may wait long for its stream, and must not keep an old configuration alive.
    let snapshot = context.session.proxy.snapshot();
    TunnelRecord::new(&context.summary, peer, headers, &snapshot.settings.log.headers, by)
}
