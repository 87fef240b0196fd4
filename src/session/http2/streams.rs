//! The streams that a connection has open, and their places.
//!
//! A session's permit stands for two descriptors: that of its connection, and that of one with an endpoint. So the first stream
//! has its place with the session, and each two more need a permit of their own, as long as they are open.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The streams that a connection has open.
#[derive(Clone, Debug)]
pub(super) struct Streams(Arc<State>);

/// A stream's place on its connection, for as long as it is open.
#[derive(Debug)]
pub(super) struct StreamPlace(Arc<State>);

#[derive(Debug)]
struct State {
    permits: Arc<Semaphore>,
    held: Mutex<Held>,
    /// One has ended, and the driver does not know of it yet.
    has_ended: AtomicBool,
    driver: AtomicWaker,
}

#[derive(Debug, Default)]
struct Held {
    streams: usize,
    /// Those beyond the session's own.
    permits: Option<OwnedSemaphorePermit>,
}

impl Streams {
    /// None yet; the next have their places of these `permits`.
    pub(super) fn new(permits: Arc<Semaphore>) -> Self {
        let (held, has_ended, driver) = (Mutex::default(), AtomicBool::new(false), AtomicWaker::new());
        Self(Arc::new(State { permits, held, has_ended, driver }))
    }

    /// A place for one more, if there is one.
    pub(super) fn take_place(&self) -> Option<StreamPlace> {
        let mut held = self.0.held();
        if needed(held.streams + 1) > held.permits() {
            let more = Arc::clone(&self.0.permits).try_acquire_owned().ok()?;
            match &mut held.permits {
                Some(permits) => permits.merge(more),
                none => *none = Some(more),
            }
        }
        held.streams += 1;
        Some(StreamPlace(Arc::clone(&self.0)))
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.0.held().streams
    }

    /// Ends when one has ended since the last time.
    pub(super) async fn ended(&self) {
        poll_fn(|cx| {
            self.0.driver.register(cx.waker());
            if self.0.has_ended.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Held {
    fn permits(&self) -> usize {
        self.permits.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

impl State {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut held = self.0.held();
        held.streams -= 1;
        let spare = held.permits().saturating_sub(needed(held.streams));
        if spare > 0 {
            drop(held.permits.as_mut().and_then(|permits| permits.split(spare)));
        }
        drop(held);
        self.0.has_ended.store(true, Ordering::Release);
        self.0.driver.wake();
    }
}

/// How many permits so many streams need beyond the session's own.
fn needed(streams: usize) -> usize {
    streams / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_streams_take_a_permit_and_give_it_back() {
        let permits = Arc::new(Semaphore::new(2));
        let streams = Streams::new(Arc::clone(&permits));
        let mut open: Vec<_> = (0..5).map(|_| streams.take_place().unwrap()).collect();
        assert_eq!((streams.open(), permits.available_permits()), (5, 0));
        assert!(streams.take_place().is_none(), "a sixth needs a third permit");
        open.truncate(3);
        assert_eq!((streams.open(), permits.available_permits()), (3, 1));
        open.clear();
        assert_eq!((streams.open(), permits.available_permits()), (0, 2));
    }
}
