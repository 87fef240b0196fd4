//! Where an answer comes from, and what becomes of that connection when the answer is whole.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use http::response::Parts;

use super::context::Session;
use super::visit::Visit;
use crate::config::UpstreamSettings;
use crate::drain::Incarnation;
use crate::endpoint::{ConnectionTask, EndpointConnection};
use crate::http::framing;
use crate::snapshot::Endpoint;

/// The connection that an answer comes by. Dropped before the answer is whole, it is closed.
#[derive(Debug)]
pub(super) enum Origin {
    /// It may rest and serve another exchange.
    Kept(EndpointConnection, Home),
    /// The answer came before its request was all sent: it takes the rest, and ends then. An endpoint that answers early may
    /// read what is left of the request as another one, and that one's answer would go to whoever asks next.
    Early(EndpointConnection),
    /// It ends with the answer.
    Once(ConnectionTask),
}

/// Where a connection rests.
#[derive(Debug)]
pub(super) struct Home {
    /// Whose worker drives it, and who keeps what its client has authenticated.
    session: Arc<Session>,
    client: IpAddr,
    upstream: Arc<UpstreamSettings>,
    endpoint: Incarnation,
}

impl Origin {
    /// Where an answer with this head comes from, given to a request by `method` that was sent to its end.
    pub(super) fn of(
        visit: &Visit,
        endpoint: &Endpoint,
        connection: EndpointConnection,
        method: &Method,
        answer: &Parts,
    ) -> Self {
        match visit.upstream().settings.keep_alive {
            Some(_) if framing::is_certain(method, answer) => Self::Kept(connection, Home::of(visit, endpoint)),
            _ => Self::Once(connection.into_task()),
        }
    }

    /// The answer is whole.
    pub(super) fn release(self) {
        match self {
            Self::Kept(connection, home) if connection.is_ready() => home.take_back(connection),
            // hyper has still to see that nothing follows.
            Self::Kept(mut connection, home) => drop(tokio::spawn(async move {
                if connection.ready().await {
                    home.take_back(connection);
                }
            })),
            // The two body_timeouts bound the wait.
            Self::Early(mut connection) => drop(tokio::spawn(async move { connection.ready().await })),
            Self::Once(task) => drop(task),
        }
    }
}

impl Home {
    /// Where a connection with `endpoint` rests.
    fn of(visit: &Visit, endpoint: &Endpoint) -> Self {
        Self {
            session: Arc::clone(&visit.session),
            client: visit.client,
            upstream: Arc::clone(&visit.upstream().settings),
            endpoint: endpoint.life.incarnation,
        }
    }

    fn take_back(self, connection: EndpointConnection) {
        let session = &self.session;
        if connection.is_owned() {
            if self.is_current() {
                session.keep_owned(self.endpoint, self.client, connection);
            }
        } else if let (Some(pool), Some(keep_alive)) = (session.proxy.pool(session.worker), self.upstream.keep_alive) {
            pool.rest(self.endpoint, connection, keep_alive, || self.is_current());
        }
    }

    /// Whether its endpoint is still there.
    fn is_current(&self) -> bool {
        let snapshot = self.session.proxy.snapshot();
        let current = snapshot.upstreams().get(&self.upstream.name);
        current.is_some_and(|upstream| upstream.endpoints().iter().any(|it| it.life.incarnation == self.endpoint))
    }
}
