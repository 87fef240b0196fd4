//! The connections with endpoints that rest between two exchanges: one pool for each worker, whose runtime drives them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::connection::EndpointConnection;
use crate::drain::Incarnation;

/// How many connections rest for each endpoint and worker, as long as there are places; what is more is closed.
const MOST: usize = 32;

/// The resting connections of one worker.
#[derive(Debug)]
pub struct Pool {
    /// One for each connection that rests on any worker; as many as there are descriptors for.
    places: Arc<Semaphore>,
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
    connection: EndpointConnection,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// An empty one, which shares `places` with the others.
    pub fn new(places: Arc<Semaphore>) -> Self {
        Self { places, shelves: Mutex::default() }
    }

    /// A connection with an endpoint that is ready for an exchange: the one used last, which lives longest.
    pub fn take(&self, endpoint: Incarnation) -> Option<EndpointConnection> {
        let mut shelves = self.lock();
        let shelf = shelves.resting.get_mut(&endpoint)?;
        std::iter::from_fn(|| shelf.pop_back()).map(|resting| resting.connection).find(EndpointConnection::is_ready)
    }

    /// Lets a connection rest for `keep_alive`, if there is a place and `is_current` still finds its endpoint. Call it on the
    /// pool's worker.
    pub fn rest(
        self: &Arc<Self>,
        endpoint: Incarnation,
        connection: EndpointConnection,
        keep_alive: Duration,
        is_current: impl FnOnce() -> bool,
    ) {
        let until = Instant::now() + keep_alive;
        let mut shelves = self.lock();
        // Under the lock: whoever removes an endpoint publishes first and prunes after.
        if !is_current() {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let shelf = shelves.resting.entry(endpoint).or_default();
        if shelf.len() >= MOST {
            shelf.pop_front();
        }
        shelf.push_back(Resting { connection, until, _place: place });
        if shelves.next_sweep.is_none_or(|next| until < next) {
            shelves.next_sweep = Some(until);
            tokio::spawn(sweep(Arc::clone(self), until));
        }
    }

    /// A place for a connection that rests elsewhere.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Closes the resting connections with endpoints that are gone.
    pub fn prune(&self, is_current: impl Fn(Incarnation) -> bool) {
        self.lock().resting.retain(|endpoint, _| is_current(*endpoint));
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
