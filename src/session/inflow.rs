//! What an answer comes by: the body of an endpoint's answer, and the connection that goes with it.
//!
//! Where an exchange has to be over at a time, both are gone by then, whoever still has a piece of the answer in hand: a client that reads
//! slowly asks for nothing more, and its endpoint's connection would wait with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::endpoint::{EndpointBody, Reuse};

/// The body of an endpoint's answer, and what becomes of its connection; that is taken out once the body is whole.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) body: EndpointBody,
    pub(super) reuse: Option<Reuse>,
}

/// What an answer comes by.
#[derive(Debug)]
pub(super) enum Inflow {
    /// For as long as it takes.
    Lasting(Box<Parts>),
    /// Until a time.
    Bounded(Bounded),
}

/// Gone at its time, and with whoever reads it.
#[derive(Debug)]
pub(super) struct Bounded {
    parts: Arc<Mutex<Option<Box<Parts>>>>,
    end: AbortHandle,
}

impl Inflow {
    /// That of an answer; what is not read of it at `deadline` is dropped with its connection.
    pub(super) fn new(body: EndpointBody, reuse: Reuse, deadline: Option<Instant>) -> Self {
        let parts = Box::new(Parts { body, reuse: Some(reuse) });
        let Some(deadline) = deadline else { return Self::Lasting(parts) };
        let parts = Arc::new(Mutex::new(Some(parts)));
        let ended = Arc::downgrade(&parts);
        let end = tokio::spawn(async move {
            sleep_until(deadline).await;
            let parts = ended.upgrade().and_then(|parts| locked(&parts).take());
            drop(parts);
        });
        Self::Bounded(Bounded { parts, end: end.abort_handle() })
    }

    /// Does something with it; `None` where it is gone.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&mut Parts) -> T) -> Option<T> {
        match self {
            Self::Lasting(parts) => Some(work(parts)),
            Self::Bounded(bounded) => locked(&bounded.parts).as_mut().map(|parts| work(parts)),
        }
    }

    /// Looks at it; `None` where it is gone.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Parts) -> T) -> Option<T> {
        match self {
            Self::Lasting(parts) => Some(look(parts)),
            Self::Bounded(bounded) => locked(&bounded.parts).as_ref().map(|parts| look(parts)),
        }
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        self.end.abort();
    }
}

fn locked(parts: &Mutex<Option<Box<Parts>>>) -> MutexGuard<'_, Option<Box<Parts>>> {
    parts.lock().unwrap_or_else(PoisonError::into_inner)
}
