//! What is known of a request once it has found its route.
//!
//! Each stage between the route and the answer reads it, and one that finds out more (who asks, what that one may) puts it
//! here: the stories of a tunnel and of an exchange take it as it then is. It holds no snapshot, for a request may take hours.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use http::header::{HeaderValue, SET_COOKIE};
use http::{HeaderMap, Uri};
use tokio::time::Instant;

use super::admission::Said;
use super::context::Session;
use super::handshake_phases::Phases;
use super::lateness::RequestDeadline;
use super::rules::RouteChanges;
use super::rules::request_id;
use super::summary::Summary;
use crate::access::{Permission, RenewalId, TunnelPlace};
use crate::authorize::{Grant, Permitted, put};
use crate::balance::{Affinity, AffinityKey, Pin, Policy, Stay};
use crate::config::WebsocketSettings;
use crate::endpoint::{UploadLimits, note_broken_tls};
use crate::grammar::Authority;
use crate::health::Asked;
use crate::http::affinity::{Searched, affinity_key, begins_session};
use crate::http::client_address::is_trusted;
use crate::http::endpoint_host::set_host;
use crate::http::forward::{self, Arrival, Trust};
use crate::http::{certificate_headers, cookies};
use crate::net::{ProxiedClient, proxy_header};
use crate::snapshot::{Branch, Branches, Endpoint, Route, Target, Upstream};
use crate::tunnel::Protocol;
use crate::websocket::Tolerance;

/// What is known of a request when it has found its route.
#[derive(Debug)]
pub(super) struct RequestContext {
    pub(super) session: Arc<Session>,
    pub(super) route: Arc<Route>,
    /// Where it goes, once that is chosen.
    branch: Option<Arc<Branch>>,
    /// What its route changes of it, and of its answer.
    pub(super) changes: Option<Box<RouteChanges>>,
    /// The client's address, as far as it can be believed.
    pub(super) client: IpAddr,
    /// The connection that the request came by.
    pub(super) arrival: Arrival,
    /// When it came.
    pub(super) started: Instant,
    /// What its handshake took so far, if it is one.
    pub(super) phases: Phases,
    /// What the log says of the request.
    pub(super) summary: Arc<Summary>,
    /// What the server has said that was asked whether it may enter.
    pub(super) grant: Option<Box<Grant>>,
    /// What was learned of who asks; `None` where the route does not ask who it is.
    pub(super) permission: Option<Permission>,
    /// The names of tunnels that the request has brought, where its route gives them any.
    pub(super) renewal_ids: Box<[RenewalId]>,
    /// What the endpoint reads of who was let in.
    pub(super) said: Said,
    /// That of the tunnel that it is to become, from when it is let in.
    pub(super) place: Option<TunnelPlace>,
    /// What was asked then: it is asked again while its tunnel is open.
    pub(super) permitted: Option<Permitted>,
}

impl RequestContext {
    /// What is known of the request that `summary` is of, which takes this route.
    pub(super) fn new(session: &Arc<Session>, route: Arc<Route>, summary: &Arc<Summary>, started: Instant) -> Self {
        let peer = session.peer.ip();
        let trusted = is_trusted(peer, session.trusted_proxies());
        let trust = if trusted { Trust::Trusted } else { Trust::Untrusted };
        Self {
            session: Arc::clone(session),
            branch: None,
            route,
            changes: None,
            client: summary.client,
            arrival: Arrival {
                peer,
                trust,
                scheme: session.scheme,
                written: session.listener.settings.forwarded_headers,
            },
            started,
            phases: Phases::new(session.take_new()),
            summary: Arc::clone(summary),
            grant: None,
            permission: None,
            renewal_ids: Box::default(),
            said: None,
            place: None,
            permitted: None,
        }
    }

    /// What decides where the request is placed: its key, and the endpoint that its cookie pins it to.
    pub(super) fn affinity(&self, uri: &Uri, headers: &HeaderMap, asked: Asked) -> Affinity {
        let goes_by_key = self.upstream().settings.policy == Policy::Sticky;
        let key = goes_by_key.then(|| self.key_of(self.upstream(), uri, headers)).flatten();
        let pin = pin_of(self.upstream(), headers);
        let is_sheltering = pin.is_some_and(|pin| pin.stay == Stay::Refuge);
        Affinity { key, pin, begins_session: is_sheltering && begins_session(uri, asked) }
    }

    /// By what its client is known again if its tunnel ends and it comes back: what decides where it is placed, else its address.
    pub(super) fn client_key(&self, affinity: &Affinity) -> u64 {
        affinity.key.unwrap_or_else(|| AffinityKey::of_client(self.client)).get()
    }

    /// From here on it is for one upstream of its route: the only one, the one that a cookie pins the client to, or the one that its
    /// key belongs to.
    pub(super) fn choose_branch(&mut self, uri: &Uri, headers: &HeaderMap) {
        let Target::Upstreams(branches) = &self.route.target else { return };
        self.branch = branches.only().or_else(|| self.chosen(branches, uri, headers)).cloned();
    }

    fn chosen<'b>(&self, branches: &'b Branches, uri: &Uri, headers: &HeaderMap) -> Option<&'b Arc<Branch>> {
        let is_pinned = |branch: &&Arc<Branch>| branch.weight > 0 && pin_of(&branch.upstream, headers).is_some();
        let key = |branch: &Arc<Branch>| self.key_of(&branch.upstream, uri, headers);
        branches.iter().find(is_pinned).or_else(|| branches.share_of(branches.iter().next().and_then(key)))
    }

    /// What of the request decides where in this upstream it is placed.
    fn key_of(&self, upstream: &Upstream, uri: &Uri, headers: &HeaderMap) -> Option<AffinityKey> {
        let permission = self.permission.as_ref();
        let certificate = self.session.certificate.as_deref().map(|certificate| &certificate.fingerprint);
        let searched = Searched { uri, headers, client: self.client, certificate, permission };
        affinity_key(&upstream.settings.sticky_on, &searched)
    }

    /// The `Set-Cookie` that keeps the client at the endpoint where it was placed, unless its cookie does so already.
    fn pin_cookie(&self, placed: &Arc<Endpoint>, affinity: &Affinity) -> Option<HeaderValue> {
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
        // Once more: of what the client names in Connection, nothing passes.
        for said in self.said.as_deref().into_iter().chain(self.grant.as_ref().map(|grant| &grant.for_endpoint)) {
            put(headers, said);
        }
        if let Some(trace) = &self.summary.trace {
            trace.write(headers);
        }
        if let Some(changes) = &self.changes {
            changes.change_request(headers);
        }
    }

    /// What the client's answer says beside what the endpoint at which it was placed has said.
    pub(super) fn added(&self, placed: &Arc<Endpoint>, affinity: &Affinity) -> HeaderMap {
        let mut added = self.grant.as_ref().map(|grant| grant.for_client.clone()).unwrap_or_default();
        if let Some(cookie) = self.pin_cookie(placed, affinity) {
            added.append(SET_COOKIE, cookie);
        }
        added
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

    /// Gives the request a name, where its route gives one.
    pub(super) fn settle_request_id(&self, headers: &mut HeaderMap) {
        if let Some(header) = &self.route.settings.exchange.request_id {
            let _ = self.summary.request_name.set(request_id::settle(headers, header, self.arrival.trust));
        }
    }

    /// By when a plain exchange has to be over, where its route says that.
    pub(super) fn deadline(&self) -> Option<RequestDeadline> {
        let time = self.route.settings.exchange.request_timeout?;
        Some(RequestDeadline { at: self.started + time, time })
    }

    /// What a request's body is held to.
    pub(super) fn upload_limits(&self) -> UploadLimits {
        UploadLimits {
            deadline: self.session.listener.settings.body_timeout,
            most: self.route.settings.exchange.max_body,
        }
    }

    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.branch().upstream
    }

    /// Where it goes.
    ///
    /// # Panics
    /// Where nobody has chosen yet: whoever asks for an endpoint comes after [`choose_branch`](Self::choose_branch).
    pub(super) fn branch(&self) -> &Arc<Branch> {
        self.branch.as_ref().expect("an upstream is chosen before endpoints are looked for")
    }
}

/// The pin that a cookie holds to an endpoint of this upstream.
fn pin_of(upstream: &Upstream, headers: &HeaderMap) -> Option<Pin> {
    let cookie = upstream.settings.pin_cookie.as_ref()?;
    let is_ours = |pin: &Pin| upstream.pinned(*pin).is_some();
    cookies::values(headers, &cookie.name).filter_map(Pin::parse).find(is_ours)
}

/// Where a client has connected to whose connection is gone.
const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
