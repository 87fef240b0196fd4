//! The body of an endpoint's answer, whichever way it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;

use super::http2::{StreamBody, StreamFailure};

/// What an endpoint sends behind the head of its answer.
#[derive(Debug)]
pub enum EndpointBody {
    /// Over a connection of its own.
    Http1(Incoming),
    /// Over a stream of a shared one.
    Http2(StreamBody),
}

/// Why an answer has no end.
#[derive(Debug, Error)]
pub enum BrokenAnswer {
    /// Its connection ended, or what came makes no sense.
    #[error(transparent)]
    Http1(#[from] hyper::Error),
    /// It took longer than it may.
    #[error("the exchange took longer than request_timeout")]
    Overdue,
    /// Its stream ended, or the connection did.
    #[error(transparent)]
    Http2(#[from] StreamFailure),
}

impl Body for EndpointBody {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(BrokenAnswer::Http1),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(BrokenAnswer::Http2),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
