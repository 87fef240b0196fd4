//! The body of a client's request, whichever protocol it comes by.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::broken_upload::BrokenUpload;
use super::http2::StreamBody;
use crate::net::flaw_of;

/// The body of a client's request.
#[derive(Debug)]
pub enum ClientBody {
    /// Framed by HTTP/1.
    Http1(Incoming),
    /// What a stream of HTTP/2 carries.
    Http2(Box<Http2Body>),
    /// One of our own, which is at hand.
    Whole(Bytes),
    /// There is none.
    Empty,
}

/// What a stream of HTTP/2 carries.
pub struct Http2Body {
    body: StreamBody,
    /// Has the client know, the first time that it is asked for, that it is.
    wanted: Option<Box<dyn FnOnce() + Send>>,
}

impl ClientBody {
    /// What `stream` carries, behind a request with these headers; `wanted` is called once it is asked for, if the client waits for
    /// that (RFC 9110 §10.1.1).
    pub fn over_http2(stream: RecvStream, headers: &HeaderMap, wanted: impl FnOnce() + Send + 'static) -> Self {
        if stream.is_end_stream() {
            return Self::Empty;
        }
        let waits = headers.contains_key(EXPECT);
        let wanted = waits.then(|| Box::new(wanted) as Box<dyn FnOnce() + Send>);
        Self::Http2(Box::new(Http2Body { body: StreamBody::new(stream, headers), wanted }))
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenUpload;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(|error| broken(&error)),
            Self::Http2(body) => {
                if let Some(wanted) = body.wanted.take() {
                    wanted();
                }
                Pin::new(&mut body.body).poll_frame(cx).map_err(|_| BrokenUpload::Lost)
            }
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.body.is_end_stream(),
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.body.size_hint(),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Empty => SizeHint::with_exact(0),
        }
    }
}

impl From<Incoming> for ClientBody {
    fn from(body: Incoming) -> Self {
        Self::Http1(body)
    }
}

impl fmt::Debug for Http2Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, wanted } = self;
        f.debug_struct("Http2Body").field("body", body).field("is_waited_for", &wanted.is_some()).finish()
    }
}

fn broken(error: &hyper::Error) -> BrokenUpload {
    flaw_of(error).map_or(BrokenUpload::Lost, BrokenUpload::Flawed)
}
