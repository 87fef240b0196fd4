//! What is known of a request once it has found its route.
//!
//! Each stage between the route and the answer reads it, and one that finds out more (who asks, what that one may) puts it
//! here: the stories of a tunnel and of an exchange take it as it then is. It holds no snapshot, for a request may take hours.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HeaderValue;
use http::{HeaderMap, Uri};
use tokio::time::Instant;

use super::context::Session;
use super::summary::Summary;
use crate::balance::{Affinity, Pin, Policy, Stay};
use crate::config::WebsocketSettings;
use crate::health::Asked;
use crate::http::affinity::{Searched, affinity_key, begins_session};
use crate::http::client_address::is_trusted;
use crate::http::cookies;
use crate::http::forward::{Arrival, Trust};
use crate::snapshot::{Endpoint, Route, Upstream};
use crate::tunnel::Protocol;
use crate::websocket::Tolerance;

/// What is known of a request when it has found its route.
#[derive(Debug)]
pub(super) struct RequestContext {
    pub(super) session: Arc<Session>,
    pub(super) route: Arc<Route>,
    /// The client's address, as far as it can be believed.
    pub(super) client: IpAddr,
    /// The connection that the request came by.
    pub(super) arrival: Arrival,
    /// When it came.
    pub(super) started: Instant,
    /// What the log says of the request.
    pub(super) summary: Arc<Summary>,
}

impl RequestContext {
    /// What is known of the request that `summary` is of, which takes this route.
    pub(super) fn new(session: &Arc<Session>, route: Arc<Route>, summary: &Arc<Summary>, started: Instant) -> Self {
        let peer = session.peer.ip();
        let trusted = is_trusted(peer, &session.listener.settings.trusted_proxies);
        let trust = if trusted { Trust::Trusted } else { Trust::Untrusted };
        Self {
            session: Arc::clone(session),
            route,
            client: summary.client,
            arrival: Arrival { peer, trust, scheme: session.scheme },
            started,
            summary: Arc::clone(summary),
        }
    }

    /// What decides where the request is placed: its key, and the endpoint that its cookie pins it to.
    pub(super) fn affinity(&self, uri: &Uri, headers: &HeaderMap, asked: Asked) -> Affinity {
        let settings = &self.upstream().settings;
        let certificate = self.session.certificate.as_deref();
        let searched = Searched { uri, headers, client: self.client, certificate };
        let goes_by_key = settings.policy == Policy::Sticky;
        let key = goes_by_key.then(|| affinity_key(&settings.sticky_on, &searched)).flatten();
        let pin = settings.pin_cookie.as_ref().and_then(|cookie| {
            let is_ours = |pin: &Pin| self.upstream().pinned(*pin).is_some();
            cookies::values(headers, &cookie.name).filter_map(Pin::parse).find(is_ours)
        });
        let is_sheltering = pin.is_some_and(|pin| pin.stay == Stay::Refuge);
        Affinity { key, pin, begins_session: is_sheltering && begins_session(uri, asked) }
    }

    /// The `Set-Cookie` that keeps the client at the endpoint where it was placed, unless its cookie does so already.
    pub(super) fn pin_cookie(&self, placed: &Arc<Endpoint>, affinity: &Affinity) -> Option<HeaderValue> {
        let cookie = self.upstream().settings.pin_cookie.as_ref()?;
        let pin = self.upstream().pin(placed, affinity)?;
        if affinity.pin == Some(pin) { None } else { cookies::pin(cookie, pin, self.arrival.scheme) }
    }

    /// What a tunnel in which this is spoken is held to.
    pub(super) fn tunnel_settings(&self, protocol: Protocol) -> Arc<WebsocketSettings> {
        Arc::clone(match protocol {
            Protocol::Websocket(_) => &self.route.settings.websocket,
            Protocol::Raw => &self.route.raw,
        })
    }

    /// How strictly its handshake is taken.
    pub(super) fn tolerance(&self) -> Tolerance {
        Tolerance::new(self.route.settings.websocket.strictness)
    }

    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.route.upstream
    }
}
