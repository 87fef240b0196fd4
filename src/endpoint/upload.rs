//! A client's request body on its way to an endpoint: piece by piece, as fast as the endpoint takes it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::broken_upload::BrokenUpload;
use super::client_body::ClientBody;
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
    body: ClientBody,
    /// What the client waits for before it sends the body.
    expectation: Option<Expectation>,
    limits: UploadLimits,
    /// Bytes that the client has sent.
    received: u64,
    /// Runs while the client sends nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Something of the body was taken, or its end was seen.
    is_begun: bool,
    /// What was taken of it and came back: it is given out again, before the rest.
    returned: VecDeque<Bytes>,
    /// Tells by its end that all of the body is sent: whoever sends it has let go of it, or has said so.
    _sending: Option<oneshot::Sender<Infallible>>,
}

/// What an upload is held to.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// How long the client may send nothing while more is asked of it.
    pub deadline: Duration,
    /// How many bytes it may have.
    pub most: Option<u64>,
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

impl Upload {
    /// The upload of `body` within `limits`.
    pub fn new(body: ClientBody, expectation: Option<Expectation>, limits: UploadLimits) -> (Self, UploadSent) {
        let (sending, sent) = oneshot::channel();
        let source = Source {
            body,
            expectation,
            limits,
            received: 0,
            stalled: None,
            is_begun: false,
            returned: VecDeque::new(),
            _sending: Some(sending),
        };
        (Self { source: Some(source), comes_back: false, progress: Arc::default() }, UploadSent(sent))
    }

    /// That of a request without a body.
    pub fn none() -> Self {
        Self { source: None, comes_back: false, progress: Arc::default() }
    }

    /// That of a request of our own, with all of its body at hand.
    pub fn of_bytes(bytes: Bytes) -> Self {
        Self::new(ClientBody::Whole(bytes), None, UploadLimits { deadline: Duration::MAX, most: None }).0
    }

    /// How far it has got, for whoever wants to know later.
    pub fn progress(&self) -> Arc<UploadProgress> {
        Arc::clone(&self.progress)
    }

    /// All of it is sent, though it is kept: it may have to be sent again.
    pub(super) fn note_sent(&mut self) {
        if let Some(source) = &mut self.source {
            source._sending = None;
        }
    }

    /// Gives back everything that was taken of it, in its order: it is to be sent once more.
    pub(super) fn put_back(&mut self, taken: Vec<Bytes>) {
        let Some(source) = &mut self.source else { return };
        let bytes: u64 = taken.iter().map(|piece| piece.len() as u64).sum();
        self.progress.bytes.fetch_sub(bytes, Ordering::Relaxed);
        // What came back once already, and was not taken again, follows it.
        source.returned = taken.into_iter().chain(source.returned.drain(..)).collect();
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

    /// The next piece, of what came back or from the client.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        match self.returned.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => self.poll_client(cx),
        }
    }

    /// How much is still to be given out.
    fn size_hint(&self) -> SizeHint {
        let (rest, returned) =
            (self.body.size_hint(), self.returned.iter().map(|piece| piece.len() as u64).sum::<u64>());
        let mut hint = SizeHint::new();
        // In this order: the lower may not be beyond the upper.
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(returned));
        }
        hint.set_lower(rest.lower().saturating_add(returned));
        hint
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.stalled = None;
            self.is_begun = true;
            return Poll::Ready(frame.map(|frame| self.within_limits(cleaned(frame?))));
        }
        let deadline = self.limits.deadline;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(deadline))).as_mut().poll(cx));
        self.is_begun = true;
        Poll::Ready(Some(Err(BrokenUpload::Stalled)))
    }

    /// The same piece, unless there are too many bytes with it.
    fn within_limits(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BrokenUpload> {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.received = self.received.saturating_add(bytes);
        if self.limits.most.is_some_and(|most| self.received > most) { Err(BrokenUpload::TooLarge) } else { Ok(frame) }
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
        let frame = ready!(source.poll_piece(cx));
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
        self.source.as_ref().is_none_or(|source| source.returned.is_empty() && source.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.source.as_ref().map_or_else(|| SizeHint::with_exact(0), Source::size_hint)
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
