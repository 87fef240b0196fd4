//! A client's request body on its way to an endpoint: piece by piece, as fast as the endpoint takes it.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::expect::Expectation;

/// A request body.
#[derive(Debug)]
pub(super) struct Upload {
    body: Incoming,
    /// What the client waits for before it sends the body.
    expectation: Option<Expectation>,
    /// How long the client may send nothing while more is asked of it.
    deadline: Duration,
    /// Runs while the client sends nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    progress: Arc<Progress>,
    /// Tells by its end that hyper has let go of the body: all of it is sent.
    _sending: oneshot::Sender<Infallible>,
}

/// How far an upload has got; it outlives the body.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    broken: OnceLock<Broken>,
}

/// Resolves when a request is sent to its last byte.
#[derive(Debug)]
pub(super) struct Sent(oneshot::Receiver<Infallible>);

/// Why an upload ended too early; the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It sent nothing for too long.
    Stalled,
    /// Its connection ended, or its chunks make no sense.
    Lost,
}

impl Upload {
    /// The upload of `body`; of a client that sends none of it for `deadline`, no more is expected.
    pub(super) fn new(body: Incoming, expectation: Option<Expectation>, deadline: Duration) -> (Self, Sent) {
        let (sending, sent) = oneshot::channel();
        let progress = Arc::default();
        (Self { body, expectation, deadline, stalled: None, progress, _sending: sending }, Sent(sent))
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.stalled = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|_| Broken::Lost)));
        }
        let deadline = self.deadline;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(deadline))).as_mut().poll(cx));
        Poll::Ready(Some(Err(Broken::Stalled)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(expectation) = &mut this.expectation {
            ready!(expectation.poll_wanted(cx));
            this.expectation = None;
        }
        let frame = ready!(this.poll_client(cx));
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                this.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            // Only the first matters, and there is no second.
            Some(Err(broken)) => drop(this.progress.broken.set(*broken)),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Progress {
    /// Bytes of the body that were sent so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Why the body ended too early, if it did.
    pub(super) fn broken(&self) -> Option<Broken> {
        self.broken.get().copied()
    }
}

impl Sent {
    pub(super) async fn wait(self) {
        // Nothing is ever sent through the channel: it only closes.
        let _ = self.0.await;
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stalled => "the client sent none of its body within body_timeout",
            Self::Lost => "the client's body is broken, or the client is gone",
        })
    }
}

impl Error for Broken {}
