//! The connections with endpoints that belong to one client: one that was authenticated by NTLM or Negotiate speaks for
//! whoever did that, as long as it stands. It serves later requests of the same session, upgrades too, and ends with it.
//!
//! Which endpoint a request goes to is decided by its placement alone, here as elsewhere: at another one the client
//! authenticates anew.
//!
//! Invariant: no more than one of them has no place. A session has descriptors for its client and for one endpoint: for what
//! rests while it asks nothing, else for what it asks. So one rests for as long as its session may, and whoever has
//! authenticated finds it again however crowded it is; those beside it are bounded as whatever rests is, in number by the
//! places and in time by `rest_timeout`.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connection::EndpointConnection;
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
    connection: EndpointConnection,
    /// When it is closed, unless it is the one that its session has a descriptor for.
    until: Instant,
    /// For the others.
    place: Option<RestingPermit>,
}

/// A place among what rests, until its time is over.
#[derive(Debug)]
pub struct RestingPermit {
    _permit: OwnedSemaphorePermit,
    end: JoinHandle<()>,
}

impl OwnedConnections {
    /// The connection that `client` has authenticated with an endpoint; the others are given a `place`, or closed.
    pub fn take(
        &self,
        endpoint: Incarnation,
        client: IpAddr,
        place: impl Fn(Instant) -> Option<RestingPermit>,
    ) -> Option<EndpointConnection> {
        let mut owned = self.lock();
        let at = owned.iter().position(|it| it.is_of(endpoint, client));
        // Its place is free for the others.
        let taken = at.map(|at| owned.remove(at).connection);
        owned.retain_mut(|it| it.moves_aside(&place));
        taken.filter(EndpointConnection::is_ready)
    }

    /// Keeps a connection for `client` until then; the others are given a `place`, or closed.
    pub fn keep(
        &self,
        endpoint: Incarnation,
        client: IpAddr,
        (connection, until): (EndpointConnection, Instant),
        place: impl Fn(Instant) -> Option<RestingPermit>,
    ) {
        let mut owned = self.lock();
        owned.retain_mut(|it| !it.is_of(endpoint, client) && it.moves_aside(&place));
        if owned.len() >= MOST {
            owned.remove(0);
        }
        owned.push(OwnedConnection { endpoint, client, connection, until, place: None });
    }

    /// Closes those that have a place and whose time is over.
    pub fn close(&self, now: Instant) {
        self.lock().retain(|it| it.place.is_none() || it.until > now);
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
    fn moves_aside(&mut self, place: impl Fn(Instant) -> Option<RestingPermit>) -> bool {
        if self.place.is_none() && self.connection.is_ready() {
            self.place = place(self.until);
        }
        self.place.is_some() && self.connection.is_ready()
    }
}

impl RestingPermit {
    /// A permit, and the task that ends its time.
    pub fn new(permit: OwnedSemaphorePermit, end: JoinHandle<()>) -> Self {
        Self { _permit: permit, end }
    }
}

impl Drop for RestingPermit {
    fn drop(&mut self) {
        self.end.abort();
    }
}
