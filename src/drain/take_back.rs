//! Whom a drain that is under way tells no more: the tunnels of endpoints that are taken back out of it, and all whom it has not told
//! yet where somebody else goes on with it.

use std::collections::HashSet;
use std::future::poll_fn;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::scope::Scope;
use super::tunnel_handle::TunnelHandle;

/// The endpoints of a drain that can be taken back, each by itself; by default none.
#[derive(Debug, Default)]
pub struct TakeBack {
    endpoints: Mutex<Endpoints>,
    /// Who goes on with the drain.
    successor: Mutex<Option<oneshot::Sender<Vec<Arc<TunnelHandle>>>>>,
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
        Self { endpoints: Mutex::new(Endpoints { draining, returned: HashSet::new() }), ..Self::default() }
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

    /// Those whom the drain has not told yet: it tells them no more. It is asked for them, which it may not live to hear.
    pub async fn take_untold(&self) -> Vec<Arc<TunnelHandle>> {
        let (give, given) = oneshot::channel();
        *locked(&self.successor) = Some(give);
        self.waker.wake();
        timeout(GIVEN_WITHIN, given).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Gives those whom the drain has not told to whoever asks for them.
    pub(super) fn give_untold(&self, untold: impl FnOnce() -> Vec<Arc<TunnelHandle>>) {
        let successor = locked(&self.successor).take().filter(|successor| !successor.is_closed());
        // One that is closed meanwhile has waited for too long: they are told by nobody but the drain's own deadline.
        if let Some(successor) = successor {
            let _ = successor.send(untold());
        }
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
            let is_noted = !self.endpoints().returned.is_empty() || locked(&self.successor).is_some();
            if is_noted { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn endpoints(&self) -> MutexGuard<'_, Endpoints> {
        locked(&self.endpoints)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change leaves it whole enough: at worst an endpoint drains on.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a drain may take to hear that somebody goes on with it: one that has ended never does.
const GIVEN_WITHIN: Duration = Duration::from_secs(1);
