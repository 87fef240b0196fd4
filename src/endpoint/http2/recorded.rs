//! What is known of a connection beside what `h2` tells: how it began, and by which error it ended.
//!
//! `h2` keeps no more of an error than its words, and says of a connection that failed while it was refused only that it failed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of whose begin and end a record is kept.
#[derive(Debug)]
pub(super) struct Recorded<S> {
    stream: S,
    record: Record,
    /// How many bytes of the first frame's head were read.
    heard: usize,
}

/// How a connection began, and by which error it ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Arc<Mutex<Recording>>);

#[derive(Debug, Default)]
struct Recording {
    first_frame: Option<u8>,
    error: Option<io::Error>,
}

impl<S> Recorded<S> {
    /// `stream`, of which nothing was read yet, and what will be known of it.
    pub(super) fn new(stream: S) -> (Self, Record) {
        let record = Record::default();
        (Self { stream, record: record.clone(), heard: 0 }, record)
    }

    /// Notes the type of the first frame, when that has come.
    fn note_read(&mut self, read: &[u8]) {
        if self.heard > TYPE_AT {
            return;
        }
        if let Some(kind) = read.get(TYPE_AT - self.heard) {
            self.record.lock().first_frame = Some(*kind);
        }
        self.heard += read.len();
    }

    /// Keeps an error, and passes on what `h2` makes of it anyway.
    fn note_failed<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            self.record.lock().error.get_or_insert(error);
            told
        })
    }
}

impl Record {
    /// Whether something has come, and does not begin as an endpoint that speaks HTTP/2 does (RFC 9113 §3.4).
    pub(super) fn is_nonsense(&self) -> bool {
        self.lock().first_frame.is_some_and(|kind| kind != SETTINGS)
    }

    /// The first error, which is the one that ended it.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.lock().error.take()
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        // Reading adds to what there is.
        self.note_read(buf.filled().split_at(before).1);
        Poll::Ready(self.note_failed(outcome))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        Poll::Ready(self.note_failed(outcome))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs));
        Poll::Ready(self.note_failed(outcome))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(self.note_failed(outcome))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(self.note_failed(outcome))
    }
}

/// Where the head of a frame says its type (RFC 9113 §4.1).
const TYPE_AT: usize = 3;

const SETTINGS: u8 = 4;
