//! A stream under hyper: a peer that takes nothing of what is written is cut, and what is unsent is known.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

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

/// Whether something that was to be written is not taken yet.
#[derive(Clone, Debug, Default)]
pub struct Unsent(Arc<AtomicBool>);

/// Whether anything was read since that was last forgotten.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<AtomicBool>);

impl Heard {
    /// Whether there was something.
    pub fn is_some(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Something was read.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What was read so far does not count.
    pub fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Unsent {
    /// Whether it still holds something back.
    pub fn is_some(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Guarded<S> {
    /// Guards `stream`: a write that makes no progress for `deadline` fails.
    pub fn new(stream: S, deadline: Duration) -> Self {
        Self { stream, deadline, stalled: None, unsent: Unsent::default(), heard: Heard::default(), ended: false }
    }

    /// What tells, for as long as the stream is in other hands, whether it took everything.
    pub fn unsent(&self) -> Unsent {
        self.unsent.clone()
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
        self.unsent.0.store(outcome.is_pending(), Ordering::Relaxed);
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
    /// Ends the stream so that the peer reads what was written last: a FIN, unless there was one, and then its own end is
    /// awaited for a moment, since closing with unread input would send a reset.
    pub async fn linger(mut self) {
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
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
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
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;
