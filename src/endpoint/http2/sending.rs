//! A request's body on its way into a stream: piece by piece, as far as the endpoint opens its window.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::{Body, Frame};
use tokio::time::timeout;

use super::super::broken_upload::BrokenUpload;
use super::super::upload::Upload;

/// A body that is sent.
#[derive(Debug)]
pub(super) struct Sending {
    upload: Upload,
    stream: SendStream<Bytes>,
    /// Of the piece at hand, what the stream has not taken.
    piece: Bytes,
    /// What was taken of the body.
    taken: Taken,
    /// All of it is sent.
    is_sent: bool,
    /// How long the endpoint may take none of it.
    body_timeout: Duration,
}

/// What was taken of a body, as far as it can be given back.
#[derive(Debug)]
enum Taken {
    Kept { pieces: Vec<Bytes>, bytes: usize },
    TooMuch,
}

/// Why a body was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// The client's part of it did not come; the stream is reset.
    Client(BrokenUpload),
    /// The endpoint took none of it for too long; the stream is reset.
    Stuck,
    /// The stream ended: its answer tells how.
    Ended,
}

impl Sending {
    /// `upload` is to be sent into `stream`, unless it is empty and the stream has ended with the head.
    pub(super) fn new(upload: Upload, stream: SendStream<Bytes>, body_timeout: Duration) -> Self {
        let is_sent = upload.is_end_stream();
        let taken = Taken::Kept { pieces: Vec::new(), bytes: 0 };
        let mut sending = Self { upload, stream, piece: Bytes::new(), taken, is_sent, body_timeout };
        if is_sent {
            sending.upload.note_sent();
        }
        sending
    }

    /// Whether all of it is sent.
    pub(super) fn is_sent(&self) -> bool {
        self.is_sent
    }

    /// Sends what is left. Dropped meanwhile, it may be called again.
    pub(super) async fn run(&mut self) -> Result<(), NotSent> {
        while !self.is_sent {
            if self.piece.is_empty() {
                self.take_piece().await?;
            } else {
                self.send_piece().await?;
            }
        }
        Ok(())
    }

    /// The upload as it was before, if everything that was taken of it is there still.
    pub(super) fn into_upload(self) -> Option<Upload> {
        let Self { mut upload, taken, .. } = self;
        let Taken::Kept { pieces, .. } = taken else { return None };
        upload.put_back(pieces);
        Some(upload)
    }

    async fn take_piece(&mut self) -> Result<(), NotSent> {
        let Self { upload, stream, .. } = self;
        let frame = poll_fn(|cx| match stream.poll_reset(cx) {
            Poll::Ready(_) => Poll::Ready(Err(NotSent::Ended)),
            Poll::Pending => Pin::new(&mut *upload).poll_frame(cx).map(Ok),
        });
        match frame.await? {
            Some(Ok(frame)) => self.take_frame(frame),
            Some(Err(broken)) => {
                self.stream.send_reset(Reason::CANCEL);
                Err(NotSent::Client(broken))
            }
            None => self.end_with(|stream| stream.send_data(Bytes::new(), true)),
        }
    }

    fn take_frame(&mut self, frame: Frame<Bytes>) -> Result<(), NotSent> {
        match frame.into_data() {
            Ok(data) => {
                self.taken.note(&data);
                self.piece = data;
                Ok(())
            }
            Err(frame) => {
                let Ok(trailers) = frame.into_trailers() else { return Ok(()) };
                self.taken = Taken::TooMuch;
                self.end_with(|stream| stream.send_trailers(trailers))
            }
        }
    }

    async fn send_piece(&mut self) -> Result<(), NotSent> {
        let Self { stream, piece, body_timeout, .. } = self;
        stream.reserve_capacity(piece.len());
        let capacity = poll_fn(|cx| match stream.capacity() {
            0 => stream.poll_capacity(cx),
            capacity => Poll::Ready(Some(Ok(capacity))),
        });
        let capacity = match timeout(*body_timeout, capacity).await {
            Ok(Some(Ok(capacity))) => capacity,
            Ok(_) => return Err(NotSent::Ended),
            Err(_) => {
                stream.send_reset(Reason::CANCEL);
                return Err(NotSent::Stuck);
            }
        };
        let part = piece.split_to(capacity.min(piece.len()));
        let is_last = piece.is_empty() && self.upload.is_end_stream();
        if is_last {
            return self.end_with(|stream| stream.send_data(part, true));
        }
        stream.send_data(part, false).map_err(|_| NotSent::Ended)
    }

    /// Sends the last there is.
    fn end_with(&mut self, last: impl FnOnce(&mut SendStream<Bytes>) -> Result<(), h2::Error>) -> Result<(), NotSent> {
        last(&mut self.stream).map_err(|_| NotSent::Ended)?;
        self.is_sent = true;
        self.upload.note_sent();
        Ok(())
    }
}

impl Taken {
    fn note(&mut self, piece: &Bytes) {
        let Self::Kept { pieces, bytes } = self else { return };
        *bytes += piece.len();
        if *bytes > MOST_KEPT {
            *self = Self::TooMuch;
        } else {
            pieces.push(piece.clone());
        }
    }
}

/// How much of a body is kept until its answer comes, in bytes. An endpoint that ends leaves requests unread, as a matter of course,
/// and most calls of gRPC are smaller than this.
const MOST_KEPT: usize = 16 * 1024;
