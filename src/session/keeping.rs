//! How a session keeps what its client has authenticated: where it is taken from, and who finds a place for it.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::context::Session;
use crate::drain::Incarnation;
use crate::endpoint::EndpointConnection;
use crate::endpoint::RestingPermit;

impl Session {
    /// The connection that `client` has authenticated with an endpoint. Call it before any endpoint is asked: whatever else
    /// rests takes a place from now on, and is closed where there is none.
    pub(super) fn take_owned(self: &Arc<Self>, endpoint: Incarnation, client: IpAddr) -> Option<EndpointConnection> {
        self.owned.take(endpoint, client, |until| self.place(until))
    }

    /// Keeps a connection for `client`; call it on the session's worker.
    pub(super) fn keep_owned(self: &Arc<Self>, endpoint: Incarnation, client: IpAddr, connection: EndpointConnection) {
        let until = Instant::now() + self.listener.settings.rest_timeout;
        self.owned.keep(endpoint, client, (connection, until), |until| self.place(until));
    }

    /// A place for one that rests until then, if there is one.
    fn place(self: &Arc<Self>, until: Instant) -> Option<RestingPermit> {
        let permit = self.proxy.pool(self.worker)?.place()?;
        let session = Arc::downgrade(self);
        let end = tokio::spawn(async move {
            sleep_until(until).await;
            if let Some(session) = session.upgrade() {
                session.owned.close(until);
            }
        });
        Some(RestingPermit::new(permit, end))
    }
}
