//! The connections with endpoints that rest for the client of a request, and where the one that it is given rests afterwards.

use std::sync::Arc;

use super::visit::Visit;
use crate::endpoint::{EndpointConnection, Pool, PoolSlot, Upload};
use crate::snapshot::Endpoint;

impl Visit {
    /// A connection with this endpoint that rests: the client's own, if it has authenticated one.
    pub(super) fn rested(&self, endpoint: &Endpoint) -> Option<EndpointConnection<Upload>> {
        self.owned(endpoint).or_else(|| self.pool()?.take(endpoint.life.incarnation))
    }

    /// The connection that the client has authenticated with this endpoint. Call it before any endpoint is asked: whatever else
    /// rests with the session takes a permit from now on, and is closed where there is none.
    pub(super) fn owned(&self, endpoint: &Endpoint) -> Option<EndpointConnection<Upload>> {
        self.session.owned.take((endpoint.life.incarnation, self.client), self.pool()?)
    }

    /// Where a connection with this endpoint rests when its exchange is over, if it may.
    pub(super) fn slot(&self, endpoint: &Endpoint) -> Option<PoolSlot> {
        Some(PoolSlot {
            pool: Arc::clone(self.pool()?),
            keep_alive: self.upstream().settings.keep_alive?,
            owned: Arc::clone(&self.session.owned),
            client: self.client,
            rest_timeout: self.session.listener.settings.rest_timeout,
            endpoint: endpoint.life.incarnation,
            retirement: endpoint.retirement.clone(),
        })
    }

    fn pool(&self) -> Option<&Arc<Pool>> {
        self.session.proxy.endpoints.pool(self.session.worker)
    }
}
