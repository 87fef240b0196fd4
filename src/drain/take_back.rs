//! Which endpoints are taken back out of a drain that is under way: it tells none of their tunnels any more.

use std::collections::HashSet;
use std::future::poll_fn;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use super::scope::Scope;

/// The endpoints of a drain that can be taken back, each by itself; by default none.
#[derive(Debug, Default)]
pub struct TakeBack {
    endpoints: Mutex<Endpoints>,
    /// Of the drain.
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Endpoints {
    draining: HashSet<Scope>,
    /// Those that the drain has not heard of yet.
    returned: HashSet<Scope>,
}

/// What was taken back since the drain has asked last.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Returned {
    Nobody,
    /// These endpoints, and others drain on.
    Some(HashSet<Scope>),
    /// The last of them.
    All,
}

impl TakeBack {
    /// That of a drain of these endpoints.
    pub fn of(endpoints: impl IntoIterator<Item = Scope>) -> Self {
        let draining = endpoints.into_iter().collect();
        Self { endpoints: Mutex::new(Endpoints { draining, returned: HashSet::new() }), waker: AtomicWaker::new() }
    }

    /// Who is on `endpoint` and was not told yet stays.
    pub fn note(&self, endpoint: Scope) {
        {
            let mut endpoints = self.endpoints();
            let Some(endpoint) = endpoints.draining.take(&endpoint) else { return };
            endpoints.returned.insert(endpoint);
        }
        self.waker.wake();
    }

    /// What was noted since the last call.
    pub(super) fn take_returned(&self) -> Returned {
        let mut endpoints = self.endpoints();
        let returned = take(&mut endpoints.returned);
        match returned.is_empty() {
            true => Returned::Nobody,
            false if endpoints.draining.is_empty() => Returned::All,
            false => Returned::Some(returned),
        }
    }

    /// Waits until there is something to take.
    ///
    /// Cancel safe.
    pub(super) async fn noted(&self) {
        poll_fn(|context| {
            // Before the look: what is noted after it wakes.
            self.waker.register(context.waker());
            if self.endpoints().returned.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    fn endpoints(&self) -> MutexGuard<'_, Endpoints> {
        // Each change leaves them whole enough: at worst an endpoint drains on.
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
