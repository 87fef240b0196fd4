//! The connections with endpoints that belong to one client: one that was authenticated by NTLM or Negotiate speaks for
//! whoever did that, as long as it stands. It serves later requests of the same session, upgrades too, and ends with it.
//!
//! Which endpoint a request goes to is decided by its placement alone, here as elsewhere: at another one the client
//! authenticates anew.
//!
//! Invariant: no more than one of them has no permit. A session has descriptors for its client and for one endpoint: for what
//! rests while it asks nothing, else for what it asks. So one rests for as long as its session may, and whoever has
//! authenticated finds it again however crowded it is; those beside it are bounded as whatever rests is, in number by the
//! permits and in time by `rest_timeout`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::connection::EndpointConnection;
use super::opened_under::OpenedUnder;
use super::pool::Pool;
use super::upload::Upload;
use crate::drain::Incarnation;

/// How many a session may have, of as many endpoints; the one that was used longest ago makes place.
const MOST: usize = 4;

/// The connections of one session, the one that was used last at the back.
#[derive(Debug, Default)]
pub struct OwnedConnections(Mutex<Vec<OwnedConnection>>);

#[derive(Debug)]
struct OwnedConnection {
    endpoint: Incarnation,
    /// Whoever asks: a proxy in front of us may speak for several clients over one connection.
    client: IpAddr,
    connection: EndpointConnection<Upload>,
    under: OpenedUnder,
    /// When it is closed, unless it is the one that its session has a descriptor for.
    until: Instant,
    /// For the others.
    permit: Option<RestingPermit>,
}

/// Leave to rest beside the one that the session has a descriptor for, until its time is over.
#[derive(Debug)]
struct RestingPermit {
    _permit: OwnedSemaphorePermit,
    end: JoinHandle<()>,
}

impl OwnedConnections {
    /// Whether `client` has one with an endpoint.
    pub fn has(&self, (endpoint, client): (Incarnation, IpAddr)) -> bool {
        self.lock().iter().any(|it| it.is_of(endpoint, client))
    }

    /// The connection, opened under these rules, that `client` has authenticated with an endpoint. Call it before any endpoint is
    /// asked: the others are given a permit of `pool` from now on, and closed where there is none.
    pub fn take(
        self: &Arc<Self>,
        (endpoint, client): (Incarnation, IpAddr),
        under: &OpenedUnder,
        pool: &Pool,
    ) -> Option<EndpointConnection<Upload>> {
        let mut owned = self.lock();
        let at = owned.iter().position(|it| it.is_of(endpoint, client));
        // Its place is free for the others.
        let taken = at.map(|at| owned.remove(at)).filter(|it| it.under == *under).map(|it| it.connection);
        owned.retain_mut(|it| it.moves_aside(|until| self.permit(pool, until)));
        taken.filter(EndpointConnection::is_ready)
    }

    /// Keeps a connection for `client` until then, on the worker of `pool`; the others are given a permit of it, or closed.
    pub(super) fn keep(
        self: &Arc<Self>,
        (endpoint, client): (Incarnation, IpAddr),
        (connection, under, until): (EndpointConnection<Upload>, OpenedUnder, Instant),
        pool: &Pool,
    ) {
        let mut owned = self.lock();
        owned.retain_mut(|it| !it.is_of(endpoint, client) && it.moves_aside(|until| self.permit(pool, until)));
        if owned.len() >= MOST {
            owned.remove(0);
        }
        owned.push(OwnedConnection { endpoint, client, connection, under, until, permit: None });
    }

    /// Leave for one to rest until then, if there is any.
    fn permit(self: &Arc<Self>, pool: &Pool, until: Instant) -> Option<RestingPermit> {
        let permit = pool.permit()?;
        let owned = Arc::downgrade(self);
        let end = tokio::spawn(async move {
            sleep_until(until).await;
            if let Some(owned) = owned.upgrade() {
                owned.close(until);
            }
        });
        Some(RestingPermit { _permit: permit, end })
    }

    /// Closes those that have a permit and whose time is over.
    fn close(&self, now: Instant) {
        self.lock().retain(|it| it.permit.is_none() || it.until > now);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OwnedConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnedConnection {
    fn is_of(&self, endpoint: Incarnation, client: IpAddr) -> bool {
        self.endpoint == endpoint && self.client == client
    }

    /// Makes way for another connection of its session; `false` if it cannot, or has ended.
    fn moves_aside(&mut self, permit: impl Fn(Instant) -> Option<RestingPermit>) -> bool {
        if self.permit.is_none() && self.connection.is_ready() {
            self.permit = permit(self.until);
        }
        self.permit.is_some() && self.connection.is_ready()
    }
}

impl Drop for RestingPermit {
    fn drop(&mut self) {
        self.end.abort();
    }
}
