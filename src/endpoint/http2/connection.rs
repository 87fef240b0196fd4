//! One shared connection over HTTP/2, as those know it who ask over it and the one that drives it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::task::AtomicWaker;
use h2::client::SendRequest;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::failure::StreamFailure;
use super::liveness::PONG_WITHIN;
use crate::http::http2::Origin;
use crate::snapshot::Retirement;

/// A connection that requests may be sent over.
#[derive(Debug)]
pub(super) struct SharedConnection {
    sender: SendRequest<Bytes>,
    state: Arc<ConnectionState>,
}

/// One request's part of a connection, for as long as its stream is open.
#[derive(Debug)]
pub struct StreamSlot {
    pub(super) sender: SendRequest<Bytes>,
    state: Arc<ConnectionState>,
    /// Whether it was not the first on its connection: that one may have been ending already.
    pub is_later: bool,
}

/// For how long a connection without requests is kept.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) keep_alive: Option<Duration>,
    /// Leave to have a descriptor while no session has one for it.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// Whether its endpoint is there still.
    pub(super) retirement: Retirement,
}

/// What those who ask over a connection and the one that drives it know of each other.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// What it is.
    origin: Origin,
    /// Requests under way.
    streams: AtomicUsize,
    /// Whether there was ever one.
    has_served: AtomicBool,
    /// When the last one ended, in milliseconds from `made`.
    idle_since: AtomicU64,
    made: Instant,
    /// It may have to end now: the one that drives it is to look.
    is_looked_for: AtomicBool,
    driver: AtomicWaker,
    /// It rests no more.
    is_ending: AtomicBool,
    /// It was ended by us, since no ping was answered.
    is_dead: AtomicBool,
    /// Its end was held against its endpoint: that is one failure, however many requests were under way.
    is_blamed: AtomicBool,
}

impl SharedConnection {
    /// One without requests.
    pub(super) fn new(sender: SendRequest<Bytes>, origin: Origin) -> Self {
        let state = Arc::new(ConnectionState {
            origin,
            streams: AtomicUsize::new(0),
            has_served: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            made: Instant::now(),
            is_looked_for: AtomicBool::new(false),
            driver: AtomicWaker::new(),
            is_ending: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
            is_blamed: AtomicBool::new(false),
        });
        Self { sender, state }
    }

    /// What the one that drives it knows of it.
    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// Whether requests may be sent over it still: its endpoint has said no GOAWAY, and it has not ended.
    pub(super) fn is_open(&self) -> bool {
        !self.state.is_ending.load(Ordering::Relaxed)
            && self.sender.clone().ready().now_or_never().is_some_and(|ready| ready.is_ok())
    }

    /// How many requests it may carry.
    pub(super) fn most_streams(&self) -> usize {
        self.sender.current_max_send_streams().min(MOST_STREAMS)
    }

    /// A place for one request, if there is one. Call it for one at a time.
    pub(super) fn take_slot(&self) -> Option<StreamSlot> {
        let state = &self.state;
        if state.streams.load(Ordering::Relaxed) >= self.most_streams() {
            return None;
        }
        state.streams.fetch_add(1, Ordering::Relaxed);
        let is_later = state.has_served.swap(true, Ordering::Relaxed);
        Some(StreamSlot { sender: self.sender.clone(), state: Arc::clone(state), is_later })
    }

    /// Has the one that drives it look whether it may rest still.
    pub(super) fn look_for(&self) {
        self.state.look_for();
    }
}

impl StreamSlot {
    /// What its connection is.
    pub(super) fn origin(&self) -> &Origin {
        &self.state.origin
    }

    /// Whether this is the first that is to be said of what has ended the connection; asked again, it is not.
    pub(super) fn take_blame(&self) -> bool {
        !self.state.is_blamed.swap(true, Ordering::Relaxed)
    }

    /// What an error on its stream, or its connection, means.
    pub(super) fn failure(&self, error: h2::Error) -> StreamFailure {
        match StreamFailure::of(error) {
            failure if failure.is_of_connection() && self.state.is_dead.load(Ordering::Relaxed) => {
                StreamFailure::Dead(PONG_WITHIN)
            }
            failure => failure,
        }
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let state = &self.state;
        state.idle_since.store(state.now(), Ordering::Relaxed);
        if state.streams.fetch_sub(1, Ordering::Release) == 1 {
            state.look_for();
        }
    }
}

impl ConnectionState {
    /// Whether requests are under way.
    pub(super) fn is_asked(&self) -> bool {
        self.streams.load(Ordering::Acquire) > 0
    }

    /// No more requests are to be sent over it.
    pub(super) fn note_ending(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Its endpoint answers no ping.
    pub(super) fn note_dead(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
    }

    /// Has the one that drives it look whether it may rest still.
    fn look_for(&self) {
        self.is_looked_for.store(true, Ordering::Release);
        self.driver.wake();
    }

    /// Ends when it is to look.
    pub(super) async fn looked_for(&self) {
        poll_fn(|cx| {
            self.driver.register(cx.waker());
            if self.is_looked_for.swap(false, Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn now(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When it has rested for long enough, if it rests.
    pub(super) fn rests_until(&self, rest: &Rest) -> Option<Instant> {
        if self.is_asked() {
            return None;
        }
        let may_rest = rest.permit.is_some() && !rest.retirement.has_come();
        let time = match rest.keep_alive.filter(|_| may_rest) {
            Some(keep_alive) => keep_alive,
            None if self.has_served.load(Ordering::Relaxed) => Duration::ZERO,
            // Whoever it was opened for is about to come.
            None => FIRST_USE_WITHIN,
        };
        Some(self.made + Duration::from_millis(self.idle_since.load(Ordering::Relaxed)) + time)
    }
}

/// How many requests one connection carries at the most: where one line is lost, no more are lost with it.
pub(super) const MOST_STREAMS: usize = 128;

const FIRST_USE_WITHIN: Duration = Duration::from_secs(1);
