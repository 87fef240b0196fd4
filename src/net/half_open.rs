//! A client's stream under hyper: a client that has ended its own side still gets its answer, and one that is gone is noticed.
//!
//! hyper reads nothing while an answer is on its way, and is told to make nothing of a FIN then: whether a client only has no
//! more to say (BusyBox wget, `nc -N`) or has left, a FIN does not tell. Its kernel does as soon as something is written to
//! it or TCP's keepalive probes it: by a reset, which is looked for here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::{DeliveryTimer, Socket, Stream, TunnelStream};
use crate::process::Delivery;

/// A client's stream of which a FIN or a reset is noticed, and which may be ended by a reset.
#[derive(Debug)]
pub struct HalfOpen {
    stream: Stream,
    /// When to look again, where the socket has something to tell that nobody reads yet.
    next_look: Option<Pin<Box<Sleep>>>,
    fin_ends: FinEnds,
}

/// Whether a FIN is the client's end already: who waits for a WebSocket and can send nothing over it has left.
#[derive(Clone, Debug, Default)]
pub struct FinEnds(Arc<AtomicBool>);

impl FinEnds {
    /// Whether it is, from now on.
    pub fn set(&self, fin_ends: bool) {
        self.0.store(fin_ends, Ordering::Relaxed);
    }
}

impl HalfOpen {
    /// Watches `stream`.
    pub fn new(stream: Stream, fin_ends: FinEnds) -> Self {
        Self { stream, next_look: None, fin_ends }
    }

    /// How far what was written has got.
    pub fn delivery(&self) -> Option<Delivery> {
        self.stream.delivery()
    }

    /// The stream as it was given.
    pub fn into_inner(self) -> Stream {
        self.stream
    }

    /// Ends the stream by a reset, so that nobody takes what was written for all there is. Before that the client's kernel may
    /// take it, until it takes nothing for `stall_timeout`; whoever does not wait for that resets at once.
    pub async fn reset(self, stall_timeout: impl Fn() -> Duration) {
        // First of all: dropped at any moment, and when the process ends, the stream ends by a reset. If that fails, the
        // connection is no more.
        let _ = self.stream.socket().map(Socket::reset_when_dropped);
        let _ = timeout(DELIVERED, delivered(stall_timeout, || self.delivery())).await;
    }

    /// Ready once the connection has failed.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        // Where it has none of its own, whoever drives the connection notices.
        let Some(socket) = self.stream.socket() else { return Poll::Pending };
        loop {
            if let Some(next_look) = &mut self.next_look {
                ready!(next_look.as_mut().poll(cx));
                self.next_look = None;
            }
            if ready!(socket.poll_read_ready(cx)).is_ok()
                && let Some(error) = socket.take_error().unwrap_or_else(Some)
            {
                return Poll::Ready(error);
            }
            if self.fin_ends.0.load(Ordering::Relaxed) && socket.has_fin() {
                return Poll::Ready(io::ErrorKind::ConnectionAborted.into());
            }
            // A FIN, or another request: the socket tells of nothing else as long as that stands there.
            self.next_look = Some(Box::pin(sleep(LOOK_EVERY)));
        }
    }
}

impl AsyncRead for HalfOpen {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for HalfOpen {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    /// hyper flushes whenever it is woken, also while it neither reads nor writes.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        match self.poll_gone(cx) {
            Poll::Ready(error) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Waits until the client's kernel has taken everything, or nothing for `stall_timeout`, which may come to be less.
async fn delivered(stall_timeout: impl Fn() -> Duration, delivery: impl Fn() -> Option<Delivery>) {
    let mut timer = DeliveryTimer::new(delivery(), Instant::now());
    let mut pause = FIRST_PAUSE;
    while delivery().is_some_and(|delivery| delivery.outstanding)
        && !timer.poll_expired(stall_timeout(), &delivery, Instant::now())
    {
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// How soon a reset behind a FIN is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a client's kernel may take for the last of what was written: what fits into the kernels' buffers, at a phone's pace.
const DELIVERED: Duration = Duration::from_secs(120);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    const STALL_TIMEOUT: Duration = Duration::from_secs(2);
    const STEP: u64 = 16 * 1024;

    /// How long a kernel is waited for that takes [`STEP`] bytes of so many each `pause`, and stands still after `taken`.
    async fn waits(bytes: u64, taken: u64, pause: Duration) -> Duration {
        let start = Instant::now();
        let acked = || {
            let steps = start.elapsed().as_nanos() / pause.as_nanos();
            taken.min(1 + STEP * u64::try_from(steps).unwrap())
        };
        let delivery = || Delivery { acked: acked(), outstanding: acked() < bytes, since_ack: Duration::ZERO };
        delivered(|| STALL_TIMEOUT, || Some(delivery())).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_gets_everything_before_the_reset() {
        let pause = Duration::from_secs(1);
        let all = 10 * STEP;
        let whole = waits(all, all, pause).await;
        assert!((10 * pause..11 * pause).contains(&whole), "{whole:?}");
        let stuck = waits(all, 5 * STEP, pause).await;
        assert!((5 * pause + STALL_TIMEOUT..6 * pause + STALL_TIMEOUT).contains(&stuck), "{stuck:?}");
    }
}
