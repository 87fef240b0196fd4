//! The shared connections of one worker, whose runtime drives them.
//!
//! Who finds every connection full has another one opened, together with as many others as that one is expected to carry. The
//! opening belongs to none of them: a client that leaves takes nothing from the rest. Its task is owned by the runtime of the worker,
//! and ends by itself: the deadlines of the opening bound it, and `Rest` what it drives then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::super::dial::{dial, note_broken_tls};
use super::super::open::FirstWords;
use super::super::opened_under::OpenedUnder;
use super::connection::{MOST_STREAMS, Rest, SharedConnection, StreamSlot};
use super::driver::Driver;
use super::failure::NotOpened;
use super::opening::open;
use crate::config::EndpointProtocol;
use crate::drain::Incarnation;
use crate::http::endpoint_host::own_authority;
use crate::http::forward::Scheme;
use crate::http::http2::Origin;
use crate::metrics::Metrics;
use crate::net::{Network, Stream};
use crate::snapshot::{Endpoint, Upstream};

/// The shared connections of one worker.
#[derive(Debug)]
pub struct Http2Pool {
    /// One for each connection that rests on any worker; as many as there are descriptors for.
    permits: Arc<Semaphore>,
    shelves: Mutex<HashMap<Incarnation, Shelf>>,
}

/// The connections with one endpoint.
#[derive(Debug)]
struct Shelf {
    /// Each with what it was opened under.
    connections: Vec<(OpenedUnder, SharedConnection)>,
    openings: Vec<Opening>,
    /// How many requests a connection carries there, as far as is known.
    carried: usize,
}

/// A connection that is being opened.
#[derive(Debug)]
struct Opening {
    under: OpenedUnder,
    outcome: watch::Receiver<Outcome>,
    /// How many have come to wait for it.
    waiting: usize,
}

/// What came of an opening, once something has.
type Outcome = Option<Result<(), Arc<FailedOpening>>>;

/// An opening that came to nothing, for all who waited for it.
#[derive(Debug)]
struct FailedOpening {
    why: Arc<NotOpened>,
    /// One of them has heard of it.
    is_told: AtomicBool,
}

/// What one that wants to ask is to wait for.
#[derive(Debug)]
struct Wait {
    outcome: watch::Receiver<Outcome>,
    /// It is the one for whom the connection is opened.
    is_first: bool,
    /// There is no connection at all: full ones may be filled by others again and again, but these have ended.
    is_without: bool,
}

/// Why there is no connection, as one of those is told who wait for it.
#[derive(Debug)]
pub struct NoSlot {
    /// Why.
    pub why: Arc<NotOpened>,
    /// Another one is told of the same opening: it is one failure, however many wait.
    pub is_told: bool,
}

/// Where an endpoint is reached, and how.
#[derive(Debug)]
pub struct Opener {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// Its upstream, as it is configured now.
    pub upstream: Arc<Upstream>,
    /// Where it is.
    pub network: Network,
    /// Where connects are counted.
    pub metrics: Arc<Metrics>,
}

impl Http2Pool {
    /// An empty one, which shares `permits` with the others.
    pub fn new(permits: Arc<Semaphore>) -> Self {
        Self { permits, shelves: Mutex::default() }
    }

    /// A place for one request on a connection with an endpoint that was opened under what holds now; where there is none, on one
    /// that is opened as `opener` says, within `limit`. Call it on the pool's worker.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn take(
        self: &Arc<Self>,
        key: (Incarnation, OpenedUnder),
        limit: Duration,
        opener: impl Fn() -> Opener,
    ) -> Result<StreamSlot, NoSlot> {
        let late = || NoSlot { why: NotOpened::Silent.into(), is_told: false };
        timeout(limit, self.take_when_there_is_one(key, opener)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn take_when_there_is_one(
        self: &Arc<Self>,
        (endpoint, under): (Incarnation, OpenedUnder),
        opener: impl Fn() -> Opener,
    ) -> Result<StreamSlot, NoSlot> {
        let mut ended = 0;
        loop {
            let Wait { mut outcome, is_first, is_without } = match self.take_or_wait(endpoint, &under, &opener) {
                Ok(slot) => return Ok(slot),
                Err(wait) => wait,
            };
            // Its sender says something before it goes.
            if let Ok(told) = outcome.wait_for(Option::is_some).await
                && let Some(Err(failed)) = &*told
            {
                let is_told = failed.is_told.swap(true, Ordering::Relaxed);
                return Err(NoSlot { why: Arc::clone(&failed.why), is_told });
            }
            ended += usize::from(is_without);
            if ended >= MOST_OPENED && !self.has_open(endpoint, &under) {
                return Err(NoSlot { why: NotOpened::EndedAtOnce.into(), is_told: !is_first });
            }
        }
    }

    /// Has the connections with an endpoint that is gone end: those that rest now, the others after their last request.
    pub(in super::super) fn close(&self, endpoint: Incarnation) {
        if let Some(shelf) = self.lock().get(&endpoint) {
            shelf.connections.iter().for_each(|(_, connection)| connection.look_for());
        }
    }

    /// A place, or what comes of the opening that may bring one.
    fn take_or_wait(
        self: &Arc<Self>,
        endpoint: Incarnation,
        under: &OpenedUnder,
        opener: impl Fn() -> Opener,
    ) -> Result<StreamSlot, Wait> {
        let mut shelves = self.lock();
        let shelf = shelves.entry(endpoint).or_default();
        if let Some(slot) = shelf.take_slot(under) {
            return Ok(slot);
        }
        let (carried, is_without) = (shelf.carried, !shelf.has_any(under));
        if let Some(opening) = shelf.opening(under, carried) {
            opening.waiting += 1;
            return Err(Wait { outcome: opening.outcome.clone(), is_first: false, is_without });
        }
        let (told, outcome) = watch::channel(None);
        shelf.openings.push(Opening { under: under.clone(), outcome: outcome.clone(), waiting: 1 });
        tokio::spawn(Arc::clone(self).open(opener(), told));
        Err(Wait { outcome, is_first: true, is_without })
    }

    /// Whether there is a connection that was opened under these rules, and has not ended.
    fn has_open(&self, endpoint: Incarnation, under: &OpenedUnder) -> bool {
        self.lock().get_mut(&endpoint).is_some_and(|shelf| {
            shelf.forget_ended();
            shelf.has_any(under)
        })
    }

    /// Opens a connection, tells those who wait for it, and drives it.
    async fn open(self: Arc<Self>, opener: Opener, told: watch::Sender<Outcome>) {
        let (opened, driving) = match connected(&opener).await {
            Ok((connection, driver)) => (Ok((OpenedUnder::from(&*opener.upstream), connection)), Some(driver)),
            Err(not_opened) => (Err(not_opened), None),
        };
        let endpoint = opener.endpoint.life.incarnation;
        let rest = Rest {
            keep_alive: opener.upstream.settings.keep_alive,
            permit: Arc::clone(&self.permits).try_acquire_owned().ok(),
            retirement: opener.endpoint.retirement.clone(),
        };
        // An endpoint, and an upstream's settings, must not live on with what they were asked over.
        drop(opener);
        self.note_opened(endpoint, &told, opened);
        if let Some(driver) = driving {
            let state = Arc::clone(&driver.state);
            driver.run(rest, || self.remove(endpoint, |connection| Arc::ptr_eq(connection.state(), &state))).await;
        }
    }

    fn note_opened(
        &self,
        endpoint: Incarnation,
        told: &watch::Sender<Outcome>,
        opened: Result<(OpenedUnder, SharedConnection), NotOpened>,
    ) {
        let mut shelves = self.lock();
        let shelf = shelves.entry(endpoint).or_default();
        shelf.openings.retain(|opening| !opening.outcome.same_channel(&told.subscribe()));
        let outcome = opened.map(|opened| {
            shelf.carried = opened.1.most_streams().max(1);
            shelf.connections.push(opened);
        });
        let failed = |why: NotOpened| FailedOpening { why: why.into(), is_told: AtomicBool::new(false) }.into();
        let _ = told.send(Some(outcome.map_err(failed)));
        if shelf.is_empty() {
            shelves.remove(&endpoint);
        }
    }

    /// Takes away a connection that has ended, or is about to.
    fn remove(&self, endpoint: Incarnation, is_it: impl Fn(&SharedConnection) -> bool) {
        let mut shelves = self.lock();
        if let Some(shelf) = shelves.get_mut(&endpoint) {
            shelf.connections.retain(|(_, connection)| !is_it(connection));
            if shelf.is_empty() {
                shelves.remove(&endpoint);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Incarnation, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects, within `connect_timeout`, and speaks HTTP/2 within another one.
async fn connected(opener: &Opener) -> Result<(SharedConnection, Driver<Stream>), NotOpened> {
    let Opener { endpoint, upstream, network, metrics } = opener;
    let first = FirstWords { header: None, protocol: EndpointProtocol::Http2 };
    let stream = dial(endpoint, upstream, network, metrics, first).await?;
    let scheme = if matches!(stream, Stream::Tls(_)) { Scheme::Https } else { Scheme::Http };
    let origin = Origin { scheme, authority: own_authority(&endpoint.address, scheme) };
    let opened = open((stream, origin), upstream.settings.connect_timeout, upstream.settings.body_timeout).await;
    if let Err(NotOpened::Closed(error)) = &opened {
        note_broken_tls(error, endpoint, upstream, metrics);
    }
    opened
}

impl Shelf {
    /// A place on the first connection that has one.
    fn take_slot(&mut self, under: &OpenedUnder) -> Option<StreamSlot> {
        self.forget_ended();
        let usable = self.connections.iter().filter(|(opened_under, _)| opened_under == under);
        usable.map(|(_, connection)| connection).find_map(SharedConnection::take_slot)
    }

    fn forget_ended(&mut self) {
        self.connections.retain(|(_, connection)| connection.is_open());
    }

    fn has_any(&self, under: &OpenedUnder) -> bool {
        self.connections.iter().any(|(opened_under, _)| opened_under == under)
    }

    /// An opening that one more may wait for.
    fn opening(&mut self, under: &OpenedUnder, carried: usize) -> Option<&mut Opening> {
        self.openings.iter_mut().find(|opening| opening.under == *under && opening.waiting < carried)
    }

    fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.openings.is_empty()
    }
}

impl Default for Shelf {
    fn default() -> Self {
        Self { connections: Vec::new(), openings: Vec::new(), carried: MOST_STREAMS }
    }
}

/// How many connections are opened for one request, where each ends before it can be sent.
const MOST_OPENED: usize = 2;
