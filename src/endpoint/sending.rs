//! A request on its way to an endpoint: whether the answer came before all of it was sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};

use crate::net::Unsent;

/// One request while it is sent. As a waker it notes, at the moment when the answer comes, whether all of the request was sent:
/// when the turn of whoever waits comes, hyper may have sent more.
#[derive(Debug)]
pub(super) struct Sending {
    /// Who waits for the answer.
    asker: AtomicWaker,
    /// hyper has let go of the body: all of it is in its hands.
    is_body_taken: AtomicBool,
    /// Of what is in its hands, what the stream has not taken.
    unsent: Unsent,
    is_answered_early: AtomicBool,
}

/// A body whose end is noted: it is dropped once all of it is taken.
#[derive(Debug)]
pub(super) struct SentBody<B> {
    body: B,
    _taken: NotesTaken,
}

#[derive(Debug)]
struct NotesTaken(Arc<Sending>);

impl Sending {
    /// Of what is written, `unsent` tells what the stream has not taken.
    pub(super) fn new(unsent: Unsent) -> Arc<Self> {
        Arc::new(Self {
            asker: AtomicWaker::new(),
            is_body_taken: AtomicBool::new(false),
            unsent,
            is_answered_early: AtomicBool::new(false),
        })
    }

    /// The body of the request, watched.
    pub(super) fn body<B>(self: &Arc<Self>, body: B) -> SentBody<B> {
        SentBody { body, _taken: NotesTaken(Arc::clone(self)) }
    }

    /// What hyper is to wake with the answer, in place of `asker`.
    pub(super) fn witness(&self, asker: &Waker) {
        self.asker.register(asker);
    }

    /// The answer came before all of the request was sent.
    pub(super) fn is_answered_early(&self) -> bool {
        self.is_answered_early.load(Ordering::Relaxed)
    }
}

impl Wake for Sending {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_body_taken.load(Ordering::Relaxed) || self.unsent.is_some() {
            self.is_answered_early.store(true, Ordering::Relaxed);
        }
        self.asker.wake();
    }
}

impl<B> SentBody<B> {
    /// The body as it was given.
    pub(super) fn into_inner(self) -> B {
        self.body
    }
}

impl<B: Body + Unpin> Body for SentBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for NotesTaken {
    fn drop(&mut self) {
        self.0.is_body_taken.store(true, Ordering::Relaxed);
    }
}
