//! ★ The story of a tunnel: from a request that wants to upgrade to two streams joined.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderMap, Request, Version};
use http_body::Body;
use tokio::time::Instant;

use super::answered_without_101::pass_on;
use super::closed_at_once::close_at_once;
use super::interim::Interim;
use super::kept::Kept;
use super::metering::MeteredLease;
use super::placed_by::PlacedBy;
use super::placement::Placed;
use super::refused::{EndpointFault, Refused};
use super::renewal::name;
use super::request_context::RequestContext;
use super::served::{OpenTunnel, Served};
use super::switch_attempts::{SwitchAttempt, ask_best_to_switch};
use super::tunnel_record::TunnelRecord;
use super::unopened::Switched;
use super::{Phase, access_log};
use crate::access::{Permit, TunnelPlace};
use crate::authorize::{Watched, put};
use crate::balance::Affinity;
use crate::config::{Compression, WebsocketSettings};
use crate::drain::{Member, Registration};
use crate::endpoint::{ClientBody, SwitchAnswer, Upload, UploadProgress};
use crate::health::Asked;
use crate::http::reader::Handshake;
use crate::http::{Refusal, binding, forward};
use crate::ranges::within;
use crate::snapshot::Lease;
use crate::websocket::{refuse_compression, refuse_unknown};

/// Opens the tunnel that a client asks for, in its `place`; where the endpoint answers with something else than a 101, that is the answer.
pub(super) async fn open(
    context: &RequestContext,
    request: Request<ClientBody>,
    handshake: Handshake,
    place: Option<TunnelPlace>,
) -> Result<Served, Refused> {
    let (mut parts, body) = request.into_parts();
    if context.session.proxy.phase() >= Phase::Draining {
        return Err(Refusal::Draining.into());
    }
    let affinity = context.affinity(&parts.uri, &parts.headers, Asked::Upgrade);
    let key = context.client_key(&affinity);
    context.session.proxy.metrics.client_came(&context.route.settings.name, key);
    limit_offer(&mut parts.headers, &context.route.settings.websocket);
    context.forward(&mut parts.headers, Some(handshake.token()));
    let (body, upload) = upload(context, body, &mut parts.headers);

    let answered = match answer(context, &affinity, &handshake, &mut parts, body).await {
        Ok(answered) => answered,
        Err(refused) => return close_at_once(context, &parts.headers, handshake, refused),
    };
    let SwitchAttempt { mut placed, answer, protocol } = answered;
    let head = &answer.head;
    let added = context.added(placed.lease.endpoint(), &affinity);
    let Some(protocol) = protocol else {
        if context.summary.version == Version::HTTP_2 && head.status.is_success() {
            // Over HTTP/2 the client would take it for an open tunnel (RFC 8441 §5).
            return Err(placed.lease.refused(Refusal::BadAnswer, EndpointFault::NoSwitch(head.status)));
        }
        placed.is_owned |= binding::is_step(&parts.headers) || binding::is_step(&head.headers);
        return pass_on(context, parts.method, placed, answer, upload, &added).await.map(Served::Answered);
    };
    let Placed { lease, stream, by, .. } = placed;
    let endpoint = Switched::new(stream, protocol, context.tunnel_settings(protocol));
    let registration = register_tunnel(context, &lease);
    if let Some(order) = registration.handle().order() {
        endpoint.dismiss(&order);
        let refusal = if order.cause.forbids() { Refusal::Revoked } else { Refusal::Draining };
        return Err(refusal.into());
    }
    let named = name(context, &registration);
    access_log::opened(context, &registration, by, context.started.elapsed());
    let record = record(context, &parts.headers, by);
    let SwitchAnswer { head, read, .. } = answer;
    let early = within(&read, head.length..).to_vec();
    let mut headers = head.headers;
    put(&mut headers, &added);
    if context.changes.is_some() || context.route.settings.access.renew_path.is_some() {
        // What is the endpoint's own goes first: its Connection takes nothing of what is set here.
        forward::response(&mut headers, Some(handshake.token()));
        context.change_response(&mut headers);
    }
    if let Some(named) = &named {
        context.say_name(&mut headers, named);
    }
    let kept = Kept::new(place, watch(context, &registration), named);
    let records = Arc::clone(&context.session.proxy.records);
    let lease = MeteredLease::new(lease, context.upstream().settings.policy, 0);
    let opened = OpenTunnel { endpoint, early, headers, handshake, registration, lease, records, record, key, kept };
    Ok(Served::Opened(Box::new(opened)))
}

/// Asks the endpoints to switch. The answer that counts, and everything that was read with it.
async fn answer(
    context: &RequestContext,
    affinity: &Affinity,
    handshake: &Handshake,
    parts: &mut Parts,
    body: Option<Upload>,
) -> Result<SwitchAttempt, Refused> {
    let session = &context.session;
    let interim = Interim::begin(session, parts.version, &mut parts.extensions).await;
    // Who has asked for a WebSocket and ends its direction has changed its mind.
    session.fin_ends.set(matches!(handshake, Handshake::Websocket(_)));
    let answered = ask_best_to_switch(context, affinity, handshake, parts, body, &interim).await;
    session.fin_ends.set(false);
    match &answered {
        // Whoever joins the streams waits until everything before the 101 is out, and meanwhile the endpoint is not forgotten.
        Ok(SwitchAttempt { protocol: Some(_), .. }) => interim.close(),
        _ => interim.conclude().await,
    }
    answered
}

/// The body that goes to the endpoint before the answer counts, and how far it got; `None` where there is none, and then
/// nothing is said of its length.
fn upload(
    context: &RequestContext,
    body: ClientBody,
    headers: &mut HeaderMap,
) -> (Option<Upload>, Arc<UploadProgress>) {
    // A client that waits for a 100 gets ours: hyper says it when the body is asked for.
    forward::remove(headers, |name| *name == EXPECT);
    if body.is_end_stream() {
        forward::remove(headers, |name| *name == CONTENT_LENGTH);
        return (None, Arc::default());
    }
    let (upload, _sent) = Upload::new(body, None, context.upload_limits());
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

/// From now on the tunnel is counted, and reached by drains.
fn register_tunnel(context: &RequestContext, lease: &Lease) -> Registration {
    let session = &context.session;
    let endpoint = lease.endpoint();
    let member = Member {
        listener: (session.listener.settings.name.clone(), session.listener.life.incarnation),
        route: (context.route.settings.name.clone(), context.branch().life.incarnation),
        upstream: (context.upstream().settings.name.clone(), context.upstream().life.incarnation),
        endpoint: (endpoint.name.clone(), endpoint.life.incarnation),
    };
    let (registry, worker, client) = (&session.proxy.registry, session.worker, context.client);
    let Some(held) = context.permission.clone() else { return registry.register(worker, member, client) };
    let permit = Permit::new(held.kept(), Instant::now().into_std(), fastrand::f64());
    registry.register_permitted((worker, client), member, Box::new(permit), context.started)
}

/// Has the server that let the tunnel in be asked again, where its route wants that.
fn watch(context: &RequestContext, registration: &Registration) -> Option<Watched> {
    let permitted = context.permitted.clone()?;
    context.session.proxy.rechecks.watch(&context.route.settings.name, permitted, registration.handle())
}

/// What the line about the end of the tunnel tells of its request.
fn record(context: &RequestContext, headers: &HeaderMap, by: PlacedBy) -> TunnelRecord {
    let peer = (context.session.peer.ip(), context.session.peer.port());
    // Not for longer than this: a tunnel may wait long for its stream, and must not keep an old configuration alive.
    let snapshot = context.session.proxy.snapshot();
    TunnelRecord::new(&context.summary, peer, headers, &snapshot.settings.log.headers, by)
}
