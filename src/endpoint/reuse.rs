//! What becomes of the connection that an answer comes by, when the answer is whole.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::response::Parts;
use tokio::time::Instant;

use super::connection::{ConnectionTask, EndpointConnection};
use super::http2::OpenStream;
use super::opened_under::OpenedUnder;
use super::owned::OwnedConnections;
use super::pool::Pool;
use super::upload::Upload;
use crate::drain::Incarnation;
use crate::http::framing;
use crate::snapshot::Retirement;

/// What an answer comes by.
#[derive(Debug)]
pub enum Carrier {
    /// A connection that serves it alone.
    Connection(EndpointConnection<Upload>),
    /// A stream of one that others share.
    Stream(OpenStream),
}

/// What becomes of the connection that an answer comes by. Dropped before the answer is whole, it is closed.
#[derive(Debug)]
pub enum Reuse {
    /// It may rest and serve another exchange.
    Pool(EndpointConnection<Upload>, PoolSlot),
    /// The answer came before its request was all sent: it takes the rest, and ends then. An endpoint that answers early may
    /// read what is left of the request as another one, and that one's answer would go to whoever asks next.
    Early(EndpointConnection<Upload>),
    /// It ends with the answer.
    Close(ConnectionTask),
    /// It serves others all the while: this one's stream is over.
    Shared(OpenStream),
}

/// Where a connection rests.
#[derive(Debug)]
pub struct PoolSlot {
    /// The pool of the worker that drives it.
    pub pool: Arc<Pool>,
    /// For how long it rests there.
    pub keep_alive: Duration,
    /// Where it rests instead if a client has authenticated it: with the session of that client.
    pub owned: Arc<OwnedConnections>,
    /// That client.
    pub client: IpAddr,
    /// For how long it rests with the session.
    pub rest_timeout: Duration,
    /// Under which rules it was opened.
    pub under: OpenedUnder,
    /// Its endpoint.
    pub endpoint: Incarnation,
    /// Whether that is still there.
    pub retirement: Retirement,
}

impl Reuse {
    /// For the connection of an answer with this head, given to a request by `method` that was sent to its end: it rests in
    /// `slot`, if there is one and the answer's end is certain.
    pub fn of(slot: Option<PoolSlot>, connection: EndpointConnection<Upload>, method: &Method, answer: &Parts) -> Self {
        match slot {
            Some(slot) if framing::is_certain(method, answer) => Self::Pool(connection, slot),
            _ => Self::Close(connection.into_task()),
        }
    }

    /// The answer is whole.
    pub fn release(self) {
        match self {
            Self::Pool(connection, slot) if connection.is_ready() => slot.take_back(connection),
            // hyper has still to see that nothing follows.
            Self::Pool(mut connection, slot) => drop(tokio::spawn(async move {
                if connection.ready().await {
                    slot.take_back(connection);
                }
            })),
            // The two body_timeouts bound the wait.
            Self::Early(mut connection) => drop(tokio::spawn(async move { connection.ready().await })),
            Self::Close(task) => drop(task),
            Self::Shared(stream) => stream.release(),
        }
    }
}

impl PoolSlot {
    fn take_back(self, connection: EndpointConnection<Upload>) {
        let Self { pool, keep_alive, owned, client, rest_timeout, under, endpoint, retirement } = self;
        if !connection.is_owned() {
            pool.rest((endpoint, &retirement), (connection, under), keep_alive);
        } else if !retirement.has_come() {
            owned.keep((endpoint, client), (connection, under, Instant::now() + rest_timeout), &pool);
        }
    }
}
