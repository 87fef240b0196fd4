//! A client's request body on its way to an endpoint: piece by piece, as fast as the endpoint takes it.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::expect::Expectation;
use crate::http::forward;

/// A request body.
#[derive(Debug)]
pub struct Upload {
    /// Where it comes from; nowhere, if there is none.
    source: Option<Source>,
    /// Whether it goes back to `progress` if it is let go before any of it was taken.
    comes_back: bool,
    progress: Arc<UploadProgress>,
}

/// Where a request body comes from.
#[derive(Debug)]
struct Source {
    body: Incoming,
    /// What the client waits for before it sends the body.
    expectation: Option<Expectation>,
    /// How long the client may send nothing while more is asked of it.
    deadline: Duration,
    /// Runs while the client sends nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Something of the body was taken, or its end was seen.
    is_begun: bool,
    /// Tells by its end that hyper has let go of the body: all of it is sent.
    _sending: oneshot::Sender<Infallible>,
}

/// How far an upload has got; it outlives the body.
#[derive(Debug, Default)]
pub struct UploadProgress {
    bytes: AtomicU64,
    broken: OnceLock<BrokenUpload>,
    /// A body that came back.
    returned: Mutex<Option<Source>>,
}

/// Resolves when a request is sent to its last byte.
#[derive(Debug)]
pub struct UploadSent(oneshot::Receiver<Infallible>);

/// Whether a request brings a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HasBody {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Why an upload ended too early; the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenUpload {
    /// It sent nothing for too long.
    Stalled,
    /// Its connection ended, or its chunks make no sense.
    Lost,
}

impl Upload {
    /// The upload of `body`; of a client that sends none of it for `deadline`, no more is expected.
    pub fn new(body: Incoming, expectation: Option<Expectation>, deadline: Duration) -> (Self, UploadSent) {
        let (sending, sent) = oneshot::channel();
        let source = Source { body, expectation, deadline, stalled: None, is_begun: false, _sending: sending };
        (Self { source: Some(source), comes_back: false, progress: Arc::default() }, UploadSent(sent))
    }

    /// That of a request without a body.
    pub fn none() -> Self {
        Self { source: None, comes_back: false, progress: Arc::default() }
    }

    /// How far it has got, for whoever wants to know later.
    pub fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// Whether [`UploadProgress::take_back`] finds it when it is let go before any of it was taken.
    pub fn come_back(&mut self, comes_back: bool) {
        self.comes_back = comes_back;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let unbegun = self.source.take().filter(|source| self.comes_back && source.is_unbegun());
        if unbegun.is_some() {
            *self.progress.returned.lock().unwrap_or_else(PoisonError::into_inner) = unbegun;
        }
    }
}

impl Source {
    fn is_unbegun(&self) -> bool {
        !self.is_begun && !self.body.is_end_stream()
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.stalled = None;
            self.is_begun = true;
            return Poll::Ready(frame.map(|frame| frame.map(cleaned).map_err(|_| BrokenUpload::Lost)));
        }
        let deadline = self.deadline;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(deadline))).as_mut().poll(cx));
        self.is_begun = true;
        Poll::Ready(Some(Err(BrokenUpload::Stalled)))
    }
}

/// A piece of a body as it is passed on: trailers say less than their sender may have wanted.
pub fn cleaned(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        forward::trailers(trailers);
    }
    frame
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BrokenUpload;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        let this = self.get_mut();
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        if let Some(expectation) = &mut source.expectation {
            ready!(expectation.poll_wanted(cx));
            source.expectation = None;
        }
        let frame = ready!(source.poll_client(cx));
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
        self.source.as_ref().is_none_or(|source| source.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.source.as_ref().map_or_else(|| SizeHint::with_exact(0), |source| source.body.size_hint())
    }
}

impl UploadProgress {
    /// Bytes of the body that were sent so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Why the body ended too early, if it did.
    pub fn broken(&self) -> Option<BrokenUpload> {
        self.broken.get().copied()
    }

    /// The upload as if it had never been tried, if that is true of it: it has no body, or none of it was taken.
    pub fn take_back(self: &Arc<Self>, has_body: HasBody) -> Option<Upload> {
        let source = match has_body {
            HasBody::No => None,
            HasBody::Yes => Some(self.returned.lock().unwrap_or_else(PoisonError::into_inner).take()?),
        };
        Some(Upload { source, comes_back: false, progress: Arc::clone(self) })
    }
}

impl UploadSent {
    /// Waits for that.
    pub async fn wait(self) {
        // Nothing is ever sent through the channel: it only closes.
        let _ = self.0.await;
    }
}

impl fmt::Display for BrokenUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stalled => "the client sent none of its body within body_timeout",
            Self::Lost => "the client's body is broken, or the client is gone",
        })
    }
}

impl Error for BrokenUpload {}
