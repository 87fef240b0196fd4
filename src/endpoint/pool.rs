//! The connections with endpoints that rest between two exchanges: one pool for each worker, whose runtime drives them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::connection::EndpointConnection;
use super::opened_under::OpenedUnder;
use super::upload::Upload;
use crate::drain::Incarnation;
use crate::snapshot::Retirement;

/// How many connections rest for each endpoint and worker, as long as there are places; what is more is closed. As many as a burst
/// of exchanges has at once: those that it has beyond are opened anew by the next.
const MOST: usize = 128;

/// The resting connections of one worker.
#[derive(Debug)]
pub struct Pool {
    /// One for each connection that rests on any worker; as many as there are descriptors for.
    permits: Arc<Semaphore>,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    /// For each endpoint its connections, the one that was used last at the back.
    resting: HashMap<Incarnation, VecDeque<Resting>>,
    /// When the sweeper that counts looks next: `next_sweep` ≤ every `until`.
    next_sweep: Option<Instant>,
}

#[derive(Debug)]
struct Resting {
    connection: EndpointConnection<Upload>,
    under: OpenedUnder,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// An empty one, which shares `permits` with the others.
    pub fn new(permits: Arc<Semaphore>) -> Self {
        Self { permits, shelves: Mutex::default() }
    }

    /// A connection with an endpoint, opened under these rules, that is ready for an exchange: the one used last, which lives
    /// longest. Those that were opened under others are closed on the way.
    pub fn take(&self, endpoint: Incarnation, under: &OpenedUnder) -> Option<EndpointConnection<Upload>> {
        let mut shelves = self.lock();
        let shelf = shelves.resting.get_mut(&endpoint)?;
        let newest_first = std::iter::from_fn(|| shelf.pop_back()).filter(|resting| resting.under == *under);
        newest_first.map(|resting| resting.connection).find(EndpointConnection::is_ready)
    }

    /// Lets a connection with an endpoint rest for `keep_alive`, if there is a place and the endpoint is still there. Call it on
    /// the pool's worker.
    pub fn rest(
        self: &Arc<Self>,
        (endpoint, retirement): (Incarnation, &Retirement),
        (connection, under): (EndpointConnection<Upload>, OpenedUnder),
        keep_alive: Duration,
    ) {
        let until = Instant::now() + keep_alive;
        let mut shelves = self.lock();
        // Under the lock: who retires an endpoint notes that first, and closes what rests after.
        if retirement.has_come() {
            return;
        }
        let Some(permit) = self.permit() else { return };
        let shelf = shelves.resting.entry(endpoint).or_default();
        if shelf.len() >= MOST {
            shelf.pop_front();
        }
        shelf.push_back(Resting { connection, under, until, _permit: permit });
        if shelves.next_sweep.is_none_or(|next| until < next) {
            shelves.next_sweep = Some(until);
            tokio::spawn(sweep(Arc::clone(self), until));
        }
    }

    /// The permit of one connection that rests, here or elsewhere.
    pub(super) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// Closes the resting connections with an endpoint.
    pub(super) fn close(&self, endpoint: Incarnation) {
        self.lock().resting.remove(&endpoint);
    }

    /// Closes what has rested long enough. Returns when to look again, unless there is nothing or another sweeper does.
    fn sweep(&self, planned: Instant) -> Option<Instant> {
        let mut shelves = self.lock();
        if shelves.next_sweep != Some(planned) {
            return None;
        }
        let now = Instant::now();
        shelves.resting.retain(|_, shelf| {
            shelf.retain(|resting| resting.until > now);
            !shelf.is_empty()
        });
        shelves.next_sweep = shelves.resting.values().flatten().map(|resting| resting.until).min();
        shelves.next_sweep
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps a pool until nothing rests in it.
async fn sweep(pool: Arc<Pool>, first: Instant) {
    let mut next = Some(first);
    while let Some(planned) = next {
        sleep_until(planned).await;
        next = pool.sweep(planned);
    }
}
