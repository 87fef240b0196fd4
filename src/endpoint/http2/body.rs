//! The body of a message over HTTP/2.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};

use super::failure::StreamFailure;

/// The body of a message. The window is opened by what is taken of it, so its reader sets the pace.
#[derive(Debug)]
pub struct StreamBody {
    stream: RecvStream,
    /// How much is still to come, where that was said.
    left: Option<u64>,
    /// Only trailers may follow.
    has_ended: bool,
}

impl StreamBody {
    /// The body of a message with these headers.
    pub fn new(stream: RecvStream, headers: &HeaderMap) -> Self {
        let left = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { stream, left, has_ended: false }
    }

    fn note_data(&mut self, data: &Bytes) {
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        // It fails only where more is given back than was taken.
        let _ = self.stream.flow_control().release_capacity(data.len());
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = StreamFailure;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamFailure>>> {
        let this = self.get_mut();
        if !this.has_ended {
            match ready!(this.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    this.note_data(&data);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(StreamFailure::of(error)))),
                None => this.has_ended = true,
            }
        }
        let trailers = ready!(this.stream.poll_trailers(cx));
        Poll::Ready(trailers.map(|trailers| trailers.map(Frame::trailers)).map_err(StreamFailure::of).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            _ if self.stream.is_end_stream() => SizeHint::with_exact(0),
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}
