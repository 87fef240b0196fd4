//! A stream under hyper: a peer that takes nothing of what is written is cut, what is unsent is known, and what is said aside
//! is written between two messages.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

use super::{Heard, Unsent};

/// A stream whose writes have a deadline.
#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    deadline: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    unsent: Unsent,
    heard: Heard,
    /// Its end is written.
    ended: bool,
}

impl<S> Guarded<S> {
    /// Guards `stream`: a write that makes no progress for `deadline` fails.
    pub fn new(stream: S, deadline: Duration) -> Self {
        Self::telling(stream, deadline, Unsent::default())
    }

    /// The same, for one who wants to know, while the stream is in other hands, whether it took everything.
    pub fn telling(stream: S, deadline: Duration, unsent: Unsent) -> Self {
        Self { stream, deadline, stalled: None, unsent, heard: Heard::default(), ended: false }
    }

    /// What tells, for as long as the stream is in other hands, whether it was read from.
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// The stream as it was given.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Watches the outcome of one write.
    fn watch<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.unsent.note_held_back(outcome.is_pending());
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let deadline = self.deadline;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(deadline)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    /// Writes the last there is to say, which may be nothing, and ends the stream so that the peer reads it.
    pub async fn end_with(mut self, last: &[u8]) {
        if self.write_all(last).await.is_ok() {
            self.linger().await;
        }
    }

    /// Ends the stream so that the peer reads what was written last: a FIN, unless there was one, and then its own end is
    /// awaited for a moment, since closing with unread input would send a reset.
    async fn linger(mut self) {
        let farewell = async {
            if !self.ended {
                self.stream.shutdown().await?;
            }
            let mut discarded = [0; 4096];
            let mut left = LINGER_BYTES;
            while left > 0 {
                match self.stream.read(&mut discarded).await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            io::Result::Ok(())
        };
        // Whatever happens now, everything that was for the peer has been written.
        let _ = timeout(LINGER, farewell).await;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard.note();
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, unsent, .. } = &mut *self;
        let outcome = match unsent.poll_finish_aside(stream, cx) {
            Poll::Ready(Ok(())) => Pin::new(stream).poll_write(cx, buf),
            outcome => outcome.map_ok(|()| 0),
        };
        self.watch(cx, outcome)
    }

    /// hyper flushes when it has nothing more to write itself: while a request waits for its answer, that is between two
    /// messages.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, unsent, .. } = &mut *self;
        let outcome = match unsent.poll_say_aside(stream, cx) {
            Poll::Ready(Ok(())) => Pin::new(stream).poll_flush(cx),
            outcome => outcome,
        };
        self.watch(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.ended = matches!(outcome, Poll::Ready(Ok(())));
        self.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, unsent, .. } = &mut *self;
        let outcome = match unsent.poll_finish_aside(stream, cx) {
            Poll::Ready(Ok(())) => Pin::new(stream).poll_write_vectored(cx, bufs),
            outcome => outcome.map_ok(|()| 0),
        };
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;
