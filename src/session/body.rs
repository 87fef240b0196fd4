//! The body of an answer: our own few words, or what an endpoint sends, as it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::origin::Origin;
use super::record::{End, Record};

/// The body of an answer.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// Our own few words.
    Own(Full<Bytes>),
    /// What an endpoint sends.
    Relayed(Box<Relay>),
}

/// The body of an endpoint's answer on its way to the client: the exchange ends with it.
#[derive(Debug)]
pub(super) struct Relay {
    body: Incoming,
    /// The connection that it comes by; until the body is whole.
    origin: Option<Origin>,
    record: Record,
}

impl AnswerBody {
    pub(super) fn own(body: Full<Bytes>) -> Self {
        Self::Own(body)
    }

    pub(super) fn relayed(body: Incoming, origin: Origin, record: Record) -> Self {
        Self::Relayed(Box::new(Relay { body, origin: Some(origin), record }))
    }
}

impl Relay {
    fn poll_endpoint(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.record.note_answered(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) => self.record.end(End::EndpointLost),
            None => self.complete(),
        }
        Poll::Ready(frame)
    }

    /// The answer is whole: its connection may serve another.
    fn complete(&mut self) {
        self.record.end(End::Complete);
        if let Some(origin) = self.origin.take() {
            origin.release();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // hyper does not ask again for the end of a body that says by itself that it has ended.
        if self.body.is_end_stream() && self.origin.is_some() {
            self.complete();
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Relayed(relay) => relay.poll_endpoint(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Relayed(relay) => relay.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Relayed(relay) => relay.body.size_hint(),
        }
    }
}
