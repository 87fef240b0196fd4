//! One request: which route it takes, and whether it is to become a tunnel.

use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::AnswerBody;
use super::context::{Session, Welcome};
use super::refused::Refused;
use super::served::Served;
use super::summary::Summary;
use super::visit::Visit;
use super::{Phase, exchange, log, upgrade};
use crate::config::dot_segments::has_dot_segments;
use crate::config::{DotSegments, RouteSettings};
use crate::http::client_address::{client_address, is_trusted};
use crate::http::forward::{Arrival, Trust};
use crate::http::hygiene::Unclean;
use crate::http::{Refusal, hops, hygiene, upgrade as http_upgrade};

/// Answers a request, or opens its tunnel. A refusal is an answer, and is logged.
pub(super) async fn answer(session: &Arc<Session>, request: Request<Incoming>) -> Served {
    let started = Instant::now();
    let client = client_address(session.peer.ip(), request.headers(), &session.listener.settings.trusted_proxies);
    log::not_believed(session, request.headers());
    let summary = Arc::new(Summary::of(&request, client));
    respond(session, request, started, &summary).await.unwrap_or_else(|refused| {
        log::refused(session, &summary, &refused, started.elapsed());
        Served::Answered(refused.refusal.response(retry_after(session)).map(AnswerBody::own))
    })
}

async fn respond(
    session: &Arc<Session>,
    request: Request<Incoming>,
    started: Instant,
    summary: &Arc<Summary>,
) -> Result<Served, Refused> {
    let (mut parts, body) = request.into_parts();
    hygiene::complete(&mut parts);
    let authority = hygiene::check(&parts).map_err(Refusal::Unclean)?;
    session.may_serve()?;
    let route = {
        // Not for longer than this: a request may take hours, and must not keep an old configuration alive.
        let snapshot = session.proxy.snapshot();
        snapshot.table.find(&session.listener.settings.name, authority.host, parts.uri.path()).cloned()
    };
    let route = route.ok_or(Refusal::NoRoute)?;
    if may_lead_out(&route.settings, parts.uri.path()) {
        let refused = Refused::from(Refusal::Unclean(Unclean::DotSegments));
        return Err(Refused { route: Some(route), ..refused });
    }
    hops::count(&mut parts.headers)?;
    let visit = Visit {
        session: Arc::clone(session),
        route,
        client: summary.client,
        arrival: session.arrival(),
        started,
        summary: Arc::clone(summary),
    };
    let settings = &visit.route.settings;
    let wish = http_upgrade::classify(&parts, &settings.upgrade, settings.websocket.strictness);
    let outcome = match wish.token() {
        None => Box::pin(exchange::run(&visit, Request::from_parts(parts, body))).await.map(Served::Answered),
        Some(token) => Box::pin(upgrade::open(&visit, Request::from_parts(parts, body), token)).await,
    };
    outcome.map_err(|refused| Refused { route: Some(Arc::clone(&visit.route)), ..refused })
}

/// Whether the endpoint may find at `path` what lies outside of the path that its route is for.
fn may_lead_out(route: &RouteSettings, path: &str) -> bool {
    route.path != "/" && route.dot_segments == DotSegments::Refuse && has_dot_segments(path)
}

impl Session {
    fn arrival(&self) -> Arrival {
        let peer = self.peer.ip();
        let trusted = is_trusted(peer, &self.listener.settings.trusted_proxies);
        Arrival { peer, trust: if trusted { Trust::Trusted } else { Trust::Untrusted }, scheme: self.scheme }
    }

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
    let stage = *session.proxy.stages().borrow();
    let stop = stage.drain.filter(|_| stage.phase >= Phase::Draining);
    let left = stop.map_or(0, |times| times.deadline.saturating_duration_since(Instant::now()).as_secs());
    fastrand::u32(1..=u32::try_from(left).unwrap_or(u32::MAX).clamp(5, MOST_RETRY_AFTER))
}

/// A client that is told to wait for longer may not wait at all.
const MOST_RETRY_AFTER: u32 = 120;
