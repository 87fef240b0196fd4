//! The connections with endpoints that belong to one client: one that was authenticated by NTLM or Negotiate speaks for
//! whoever did that, as long as it stands. It serves later requests of the same session, upgrades too, and ends with it.
//!
//! Which endpoint a request goes to is decided by its placement alone, here as elsewhere: at another one the client
//! authenticates anew.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::connection::Connection;
use crate::drain::Incarnation;

/// How many a session may have, of as many endpoints; the one that was used longest ago makes place.
const MOST: usize = 4;

/// The connections of one session, the one that was used last at the back.
#[derive(Debug, Default)]
pub(super) struct Owned(Mutex<Vec<OwnedConnection>>);

#[derive(Debug)]
struct OwnedConnection {
    endpoint: Incarnation,
    /// Whoever asks: a proxy in front of us may speak for several clients over one connection.
    client: IpAddr,
    connection: Connection,
    _place: OwnedSemaphorePermit,
}

impl Owned {
    /// The connection that `client` has authenticated with an endpoint.
    pub(super) fn take(&self, endpoint: Incarnation, client: IpAddr) -> Option<Connection> {
        let mut owned = self.lock();
        let at = owned.iter().position(|it| it.endpoint == endpoint && it.client == client)?;
        Some(owned.remove(at).connection).filter(Connection::is_ready)
    }

    /// Keeps a connection for `client`; `place` is what there are as many of as descriptors.
    pub(super) fn keep(
        &self,
        endpoint: Incarnation,
        client: IpAddr,
        connection: Connection,
        place: OwnedSemaphorePermit,
    ) {
        let mut owned = self.lock();
        owned.retain(|it| it.endpoint != endpoint || it.client != client);
        if owned.len() >= MOST {
            owned.remove(0);
        }
        owned.push(OwnedConnection { endpoint, client, connection, _place: place });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OwnedConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
