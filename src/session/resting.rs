//! The connections with endpoints that rest for the client of a request, where the one that it is given rests afterwards, and those
//! that it shares with other clients.

use std::sync::Arc;

use super::placement::Unreachable;
use super::request_context::RequestContext;
use crate::endpoint::{EndpointConnection, OpenedUnder, Opener, Pool, PoolSlot, StreamSlot, Upload};
use crate::snapshot::Endpoint;

impl RequestContext {
    /// A connection with this endpoint that rests: the client's own, if it has one.
    pub(super) fn rested(&self, endpoint: &Endpoint) -> Option<EndpointConnection<Upload>> {
        let shared = || match self.has_own_connections() {
            true => None,
            false => self.pool()?.take(endpoint.life.incarnation, &self.opened_under()),
        };
        self.owned(endpoint).or_else(shared)
    }

    /// The connection with this endpoint that is the client's own. Call it before any endpoint is asked: whatever else
    /// rests with the session takes a permit from now on, and is closed where there is none.
    pub(super) fn owned(&self, endpoint: &Endpoint) -> Option<EndpointConnection<Upload>> {
        self.session.owned.take((endpoint.life.incarnation, self.client), &self.opened_under(), self.pool()?)
    }

    /// Whether the client has a connection of its own with this endpoint, which it may have authenticated.
    pub(super) fn has_owned(&self, endpoint: &Endpoint) -> bool {
        self.session.owned.has((endpoint.life.incarnation, self.client))
    }

    /// Where a connection with this endpoint rests when its exchange is over, if it may.
    pub(super) fn slot(&self, endpoint: &Endpoint) -> Option<PoolSlot> {
        Some(PoolSlot {
            pool: Arc::clone(self.pool()?),
            keep_alive: self.upstream().settings.keep_alive?,
            owned: Arc::clone(&self.session.owned),
            client: self.client,
            rest_timeout: self.session.listener.settings.rest_timeout,
            under: self.opened_under(),
            endpoint: endpoint.life.incarnation,
            retirement: endpoint.retirement.clone(),
        })
    }

    /// A place for the request on a connection with this endpoint that others share; where there is none, it is opened.
    pub(super) async fn stream_slot(&self, endpoint: &Arc<Endpoint>) -> Result<StreamSlot, Unreachable> {
        let proxy = &self.session.proxy;
        let opener = || Opener {
            endpoint: Arc::clone(endpoint),
            upstream: Arc::clone(self.upstream()),
            network: proxy.network.clone(),
            metrics: Arc::clone(&proxy.metrics),
        };
        let pool = proxy.endpoints.http2_pool(self.session.worker).expect("each worker has one");
        // As long as one opening may take: a connection, and the first words over it.
        let limit = 2 * self.upstream().settings.connect_timeout;
        let slot = pool.take((endpoint.life.incarnation, self.opened_under()), limit, opener).await;
        slot.map_err(|no_slot| Unreachable::not_opened(endpoint, no_slot))
    }

    fn opened_under(&self) -> OpenedUnder {
        OpenedUnder::from(&**self.upstream())
    }

    fn pool(&self) -> Option<&Arc<Pool>> {
        self.session.proxy.endpoints.pool(self.session.worker)
    }
}
