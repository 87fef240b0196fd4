//! ★ The story of a tunnel: from a request that wants to upgrade to two streams joined.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use http_body::Body;
use hyper::body::Incoming;

use super::asking::ask;
use super::interim::Interim;
use super::passed_through::pass_through;
use super::placement::{Placed, connect};
use super::refused::Refused;
use super::served::{Opened, Served};
use super::tale::Tale;
use super::unopened::dismiss;
use super::upload::{Progress, Upload};
use super::visit::Visit;
use super::{Phase, log};
use crate::config::{Compression, WebsocketSettings};
use crate::drain::{Member, Registration};
use crate::http::affinity::Asks;
use crate::http::head::ResponseHead;
use crate::http::upgrade::WEBSOCKET;
use crate::http::{Refusal, binding, forward, hygiene};
use crate::snapshot::Lease;
use crate::tunnel::Protocol;
use crate::websocket::{Extensions, Key, Tolerance, check_answer, check_request, refuse_compression, refuse_unknown};

/// Opens a tunnel; where the endpoint answers with something else than a 101, that is the answer.
pub(super) async fn open(visit: &Visit, request: Request<Incoming>, token: &str) -> Result<Served, Refused> {
    let (mut parts, body) = request.into_parts();
    hygiene::check_upgrade(token, &parts.headers).map_err(Refusal::Unclean)?;
    let key = websocket_key(visit, &parts, token)?;
    if visit.session.proxy.phase() >= Phase::Draining {
        return Err(Refusal::Draining.into());
    }
    let affinity = visit.affinity(&parts.uri, &parts.headers, Asks::Upgrade);
    limit_offer(&mut parts.headers, &visit.route.settings.websocket);
    forward::request(&mut parts.headers, visit.arrival, Some(token));
    let (body, upload) = upload(visit, body, &mut parts.headers);

    let mut placed = connect(visit, &affinity).await?;
    let interim = Interim::begin(&visit.session, parts.version).await;
    visit.session.fin_ends.set(key.is_some());
    let asked = ask(visit, &mut placed, &parts, body, &interim).await;
    visit.session.fin_ends.set(false);
    interim.conclude().await;
    let (head, early) = asked?;
    let cookie = visit.pin_cookie(placed.lease.endpoint(), &affinity);
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        placed.is_owned |= binding::is_step(&parts.headers) || binding::is_step(&head.headers);
        return pass_through(visit, parts.method, placed, early, upload, cookie).await.map(Served::Answered);
    }
    let Placed { lease, stream, by, .. } = placed;
    let protocol = judge(visit, &parts.headers, key.as_ref(), token, &head)
        .map_err(|detail| lease.refused(Refusal::BadAnswer, detail))?;
    if protocol == Protocol::Websocket(Extensions::Unknown) && visit.route.is_first_unknown_extension() {
        tracing::warn!(route = %visit.route.settings.name, "an extension that windlass does not know was negotiated: reserved bits and opcodes are not judged");
    }
    let settings = match protocol {
        Protocol::Websocket(_) => Arc::clone(&visit.route.settings.websocket),
        Protocol::Raw => Arc::clone(&visit.route.raw),
    };
    let registration = register(visit, &lease);
    if let Some(order) = registration.handle().order() {
        dismiss(stream, protocol, &settings, order);
        return Err(Refusal::Draining.into());
    }
    let mut headers = head.headers;
    forward::response(&mut headers, Some(token));
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    let early = early.get(head.length..).unwrap_or_default().to_vec();
    log::opened(visit, &registration, visit.started.elapsed());
    let metrics = Arc::clone(&visit.session.proxy.metrics);
    let peer = (visit.session.peer.ip(), visit.session.peer.port());
    let tale = {
        // Not for longer than this: a tunnel may wait long for its stream, and must not keep an old configuration alive.
        let snapshot = visit.session.proxy.snapshot();
        Tale::new(&visit.summary, peer, &parts.headers, &snapshot.settings.log.headers, by)
    };
    let upstream = stream;
    let opened = Opened { upstream, early, headers, protocol, settings, registration, lease, metrics, tale };
    Ok(Served::Opened(Box::new(opened)))
}

/// The body that goes to the endpoint before the answer counts, and how far it got; `None` where there is none, and then
/// nothing is said of its length.
fn upload(visit: &Visit, body: Incoming, headers: &mut HeaderMap) -> (Option<Upload>, Arc<Progress>) {
    // A client that waits for a 100 gets ours: hyper says it when the body is asked for.
    forward::remove(headers, |name| *name == EXPECT);
    if body.is_end_stream() {
        forward::remove(headers, |name| *name == CONTENT_LENGTH);
        return (None, Arc::default());
    }
    let (upload, _sent) = Upload::new(body, None, visit.session.listener.settings.body_timeout);
    let progress = upload.progress();
    (Some(upload), progress)
}

/// The key of a WebSocket handshake, checked with the rest of it; other protocols have none.
fn websocket_key(visit: &Visit, parts: &Parts, token: &str) -> Result<Option<Key>, Refusal> {
    if token != WEBSOCKET {
        return Ok(None);
    }
    let mut tolerance = visit.tolerance();
    let key = check_request(&parts.method, parts.version, &parts.headers, &mut tolerance);
    let key = key.map_err(Refusal::BadHandshake)?;
    log::lenient(visit, tolerance.needed());
    Ok(Some(key))
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
fn judge(
    visit: &Visit,
    offered: &HeaderMap,
    key: Option<&Key>,
    token: &str,
    head: &ResponseHead,
) -> Result<Protocol, String> {
    match key {
        Some(key) => {
            let mut tolerance = visit.tolerance();
            let extensions = check_answer(offered, key, &head.headers, &mut tolerance);
            let extensions = extensions.map_err(|bad| bad.to_string())?;
            log::lenient(visit, tolerance.needed());
            Ok(Protocol::Websocket(extensions))
        }
        None if forward::switches_to(&head.headers, token) => Ok(Protocol::Raw),
        None => Err(format!("the answer does not switch to {token}")),
    }
}

fn register(visit: &Visit, lease: &Lease) -> Registration {
    let session = &visit.session;
    let endpoint = lease.endpoint();
    let member = Member {
        listener: (session.listener.settings.name.clone(), session.listener.life.incarnation),
        route: (visit.route.settings.name.clone(), visit.route.life.incarnation),
        upstream: (visit.upstream().settings.name.clone(), visit.upstream().life.incarnation),
        endpoint: (endpoint.name.clone(), endpoint.life.incarnation),
        client: visit.client,
    };
    session.proxy.registry.register(session.worker, member)
}

impl Visit {
    /// How strictly its handshake is taken.
    fn tolerance(&self) -> Tolerance {
        Tolerance::new(self.route.settings.websocket.strictness)
    }
}
