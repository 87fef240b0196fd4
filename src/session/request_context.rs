//! What is known of a request once it has found its route.
//!
//! Each stage between the route and the answer reads it, and one that finds out more (who asks, what that one may) puts it
//! here: the stories of a tunnel and of an exchange take it as it then is. It holds no snapshot, for a request may take hours.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use http::header::HeaderValue;
use http::{HeaderMap, Uri};
use tokio::time::Instant;

use super::context::Session;
use super::summary::Summary;
use crate::access::Permission;
use crate::balance::{Affinity, Pin, Policy, Stay};
use crate::config::WebsocketSettings;
use crate::endpoint::note_broken_tls;
use crate::grammar::Authority;
use crate::health::Asked;
use crate::http::affinity::{Searched, affinity_key, begins_session};
use crate::http::client_address::is_trusted;
use crate::http::endpoint_host::set_host;
use crate::http::forward::{self, Arrival, Trust};
use crate::http::{certificate_headers, cookies};
use crate::net::{ProxiedClient, proxy_header};
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
    /// What was learned of who asks; `None` where the route does not ask who it is.
    pub(super) permission: Option<Permission>,
}

impl RequestContext {
    /// What is known of the request that `summary` is of, which takes this route.
    pub(super) fn new(session: &Arc<Session>, route: Arc<Route>, summary: &Arc<Summary>, started: Instant) -> Self {
        let peer = session.peer.ip();
        let trusted = is_trusted(peer, session.trusted_proxies());
        let trust = if trusted { Trust::Trusted } else { Trust::Untrusted };
        Self {
            session: Arc::clone(session),
            route,
            client: summary.client,
            arrival: Arrival {
                peer,
                trust,
                scheme: session.scheme,
                written: session.listener.settings.forwarded_headers,
            },
            started,
            summary: Arc::clone(summary),
            permission: None,
        }
    }

    /// What decides where the request is placed: its key, and the endpoint that its cookie pins it to.
    pub(super) fn affinity(&self, uri: &Uri, headers: &HeaderMap, asked: Asked) -> Affinity {
        let settings = &self.upstream().settings;
        let certificate = self.session.certificate.as_deref().map(|certificate| &certificate.fingerprint);
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

    /// What a connection with an endpoint begins with, where its upstream says that: it speaks for this client then, and for no
    /// other.
    pub(super) fn proxy_header(&self) -> Option<Vec<u8>> {
        let version = self.upstream().settings.proxy_protocol?;
        let Session { peer, local, tls, .. } = &*self.session;
        // Of who stands behind a trusted proxy, nobody has told the port.
        let port = if self.client == peer.ip().to_canonical() { peer.port() } else { 0 };
        let authority = Authority::parse(&self.summary.host).map_or("", Authority::bare_host);
        let client = ProxiedClient {
            source: SocketAddr::new(self.client, port),
            destination: local.unwrap_or(NOWHERE),
            authority,
            tls: tls.as_ref(),
        };
        Some(proxy_header(version, Some(&client)))
    }

    /// Whether each connection with an endpoint is its client's own.
    pub(super) fn has_own_connections(&self) -> bool {
        self.upstream().settings.proxy_protocol.is_some()
    }

    /// Makes of the client's headers those that the endpoint gets; `upgrade` is the protocol that it is asked to switch to.
    pub(super) fn forward(&self, headers: &mut HeaderMap, upgrade: Option<&str>) {
        forward::request(headers, self.arrival, upgrade);
        let certificate = self.session.certificate.as_deref();
        if let Some((certificate, text)) = certificate.and_then(|shown| Some((shown, shown.text.as_deref()?))) {
            certificate_headers::write(headers, certificate, text);
        }
    }

    /// Has `endpoint` read the `Host` that its upstream says.
    pub(super) fn set_host(&self, headers: &mut HeaderMap, endpoint: &Endpoint) {
        set_host(headers, &self.upstream().settings, &endpoint.address);
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

    /// A new connection with the endpoint has ended by this error.
    pub(super) fn note_broken_tls(&self, endpoint: &Endpoint, error: &(dyn Error + 'static)) {
        note_broken_tls(error, endpoint, self.upstream(), &self.session.proxy.metrics);
    }

    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.route.upstream
    }
}

/// Where a client has connected to whose connection is gone.
const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
