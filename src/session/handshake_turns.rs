//! The turns of TLS handshakes: with how many a worker goes on at once.
//!
//! A handshake takes a worker's time in a few long steps, and clients that all come back at once have theirs ready together. Whoever
//! has none of the turns waits in line, and a turn goes on to the next only after everything else that is ready has been looked
//! at: so an open tunnel waits for as many steps as there are turns, however many clients come.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// The turns of every worker.
#[derive(Debug)]
pub(super) struct HandshakeTurns {
    at_once: NonZeroUsize,
    workers: Box<[Arc<Semaphore>]>,
}

impl HandshakeTurns {
    /// So many on each of `workers`.
    pub(super) fn new(at_once: NonZeroUsize, workers: usize) -> Self {
        Self { at_once, workers: (0..workers.max(1)).map(|_| Arc::new(Semaphore::new(at_once.get()))).collect() }
    }

    /// How many there are on each.
    pub(super) fn at_once(&self) -> NonZeroUsize {
        self.at_once
    }

    /// Those of a worker, which any number names.
    pub(super) fn of(&self, worker: usize) -> Arc<Semaphore> {
        let turns = self.workers.get(worker % self.workers.len().max(1));
        turns.map_or_else(|| Arc::new(Semaphore::new(self.at_once.get())), Arc::clone)
    }
}
