//! Those who wait in a queue, and how each of them is told that it is called or displaced.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use thiserror::Error;

use super::client::ClientNetwork;
use super::fair::{FairQueue, Next, Queued, Rank, Ticket};

/// Those who wait, and those who have been told something that they have not heard yet.
///
/// Invariant: who waits with a ticket is in one of the two until it has heard or left.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queue: FairQueue<Option<Waker>>,
    told: BTreeMap<Ticket, Told>,
}

/// What one who waits is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// It is its turn; its client stood there.
    Called(Rank),
    Displaced,
}

/// The queue is full of clients that have no more of it than the newcomer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the queue is full")]
pub struct QueueIsFull;

/// Whoever waited had to go for one of a client that has less of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("somebody with fewer in the queue came")]
pub struct Displaced;

/// Wakes somebody who has been told something: dropped, once no lock is held.
#[derive(Debug)]
#[must_use]
pub(super) struct ToWake(Option<Waker>);

impl Waiters {
    /// Lets somebody wait where fewer than `most` do, or in the place of another.
    ///
    /// # Errors
    /// It is full.
    pub(super) fn join(&mut self, client: ClientNetwork, most: usize) -> Result<(Ticket, ToWake), QueueIsFull> {
        let Queued { ticket, displaced } = self.queue.push(client, None, most).map_err(|_| QueueIsFull)?;
        let waker = displaced.and_then(|(displaced, waker)| {
            self.told.insert(displaced, Told::Displaced);
            waker
        });
        Ok((ticket, ToWake(waker)))
    }

    /// Calls the next, if anybody waits.
    pub(super) fn call(&mut self) -> Option<ToWake> {
        let next = self.queue.pop()?;
        Some(self.tell_called(next))
    }

    /// Calls who is next behind the client that stands at `rank`, if anybody is.
    pub(super) fn call_behind(&mut self, rank: Rank) -> Option<ToWake> {
        let next = self.queue.pop_behind(rank)?;
        Some(self.tell_called(next))
    }

    fn tell_called(&mut self, Next { ticket, rank, item }: Next<Option<Waker>>) -> ToWake {
        self.told.insert(ticket, Told::Called(rank));
        ToWake(item)
    }

    /// Ready with what this one is told; whoever hears it is not among them any more.
    pub(super) fn poll(&mut self, ticket: Ticket, cx: &Context<'_>) -> Poll<Told> {
        match self.queue.get_mut(ticket) {
            Some(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            None => self.told.remove(&ticket).map_or(Poll::Pending, Poll::Ready),
        }
    }

    /// Lets one who was called in vain wait on, as if it had not been.
    pub(super) fn wait_on(&mut self, ticket: Ticket, rank: Rank) {
        self.queue.put_back(ticket, rank, None);
    }

    /// One who leaves before it has heard anything. What it was told meanwhile, if it was.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Told> {
        let waited = self.queue.remove(ticket).is_some();
        let told = self.told.remove(&ticket);
        debug_assert!(waited != told.is_some(), "who waits is in the queue or has been told");
        told
    }

    /// How many wait to be told something.
    pub(super) fn count(&self) -> usize {
        self.queue.len()
    }
}

impl Drop for ToWake {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
