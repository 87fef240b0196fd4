//! Where an answer comes from, and what becomes of that connection when the answer is whole.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::response::Parts;

use super::connection::{Connection, Driver};
use super::pool::Pool;
use super::proxy::Proxy;
use super::request::Visit;
use super::serve::Session;
use crate::config::UpstreamSettings;
use crate::drain::Incarnation;
use crate::http::framing;
use crate::snapshot::Endpoint;

/// The connection that an answer comes by. Dropped before the answer is whole, it is closed.
#[derive(Debug)]
pub(super) enum Origin {
    /// It may rest and serve another exchange.
    Kept(Connection, Home),
    /// The answer came before its request was all sent: it takes the rest, and ends then. An endpoint that answers early may
    /// read what is left of the request as another one, and that one's answer would go to whoever asks next.
    Early(Connection),
    /// It ends with the answer.
    Once(Driver),
}

/// Whom a connection may serve.
#[derive(Debug)]
enum Whose {
    Anybodys,
    /// This client alone, which may have authenticated it.
    Of(Arc<Session>, IpAddr),
}

/// Where a connection rests.
#[derive(Debug)]
pub(super) struct Home {
    whose: Whose,
    pool: Arc<Pool>,
    proxy: Arc<Proxy>,
    upstream: Arc<UpstreamSettings>,
    endpoint: Incarnation,
    keep_alive: Duration,
}

impl Origin {
    /// Where an answer with this head comes from, given to a request by `method` that was sent to its end.
    pub(super) fn of(
        visit: &Visit,
        endpoint: &Endpoint,
        connection: Connection,
        method: &Method,
        answer: &Parts,
    ) -> Self {
        match Home::of(visit, endpoint, &connection) {
            Some(home) if framing::is_certain(method, answer) => Self::Kept(connection, home),
            _ => Self::Once(connection.into_driver()),
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
            Self::Once(driver) => drop(driver),
        }
    }
}

impl Home {
    /// Where a connection with `endpoint` rests; nowhere if its upstream keeps none.
    fn of(visit: &Visit, endpoint: &Endpoint, connection: &Connection) -> Option<Self> {
        let keep_alive = visit.upstream().settings.keep_alive?;
        let proxy = Arc::clone(&visit.session.proxy);
        let pool = Arc::clone(proxy.pool(visit.session.worker)?);
        let upstream = Arc::clone(&visit.upstream().settings);
        let whose = match connection.is_owned() {
            true => Whose::Of(Arc::clone(&visit.session), visit.client),
            false => Whose::Anybodys,
        };
        Some(Self { whose, pool, proxy, upstream, endpoint: endpoint.life.incarnation, keep_alive })
    }

    fn take_back(self, connection: Connection) {
        let Self { whose, pool, proxy, upstream, endpoint, keep_alive } = self;
        let is_current = || {
            let snapshot = proxy.snapshot();
            let current = snapshot.upstreams().get(&upstream.name);
            current.is_some_and(|upstream| upstream.endpoints().iter().any(|it| it.life.incarnation == endpoint))
        };
        match whose {
            Whose::Anybodys => pool.rest(endpoint, connection, keep_alive, is_current),
            Whose::Of(session, client) if is_current() => session.keep_owned(endpoint, client, connection),
            Whose::Of(..) => {}
        }
    }
}
