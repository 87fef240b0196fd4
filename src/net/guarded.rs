//! A stream under hyper: a peer that takes nothing of what is written is cut, what is unsent is known, and what is said aside
//! is written between two messages.
//!
//! A kernel with megabytes on their way asks for more only once a good part of them is gone: for a slow reader that takes
//! minutes. So what the peer's kernel takes meanwhile counts, too.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::{DeliveryTimer, ReadActivity, Unsent};
use crate::process::Delivery;

/// A stream whose writes have a deadline.
#[derive(Debug)]
pub struct Guarded<S> {
    stream: S,
    deadline: Duration,
    /// Tells how far what was written has got, where the stream can.
    delivery: fn(&S) -> Option<Delivery>,
    stalled: Option<Box<Stalled>>,
    unsent: Unsent,
    read_activity: ReadActivity,
    /// Its end is written.
    ended: bool,
}

/// A write that waits.
#[derive(Debug)]
struct Stalled {
    timer: DeliveryTimer,
    next_look: Pin<Box<Sleep>>,
}

impl Stalled {
    fn new(delivery: Option<Delivery>, deadline: Duration) -> Self {
        let now = Instant::now();
        let timer = DeliveryTimer::new(delivery, now);
        Self { timer, next_look: Box::pin(sleep_until(timer.next_look(deadline, now))) }
    }

    /// Ready once the peer has taken nothing for `deadline`.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Duration, delivery: impl Fn() -> Option<Delivery>) -> Poll<()> {
        loop {
            ready!(self.next_look.as_mut().poll(cx));
            let now = Instant::now();
            if self.timer.poll_expired(deadline, &delivery, now) {
                return Poll::Ready(());
            }
            self.next_look.as_mut().reset(self.timer.next_look(deadline, now));
        }
    }
}

impl<S> Guarded<S> {
    /// Guards `stream`: a write that makes no progress for `deadline` fails.
    pub fn new(stream: S, deadline: Duration) -> Self {
        Self::telling(stream, deadline, Unsent::default(), |_| None)
    }

    /// The same, for one who wants to know, while the stream is in other hands, whether it took everything. What `delivery`
    /// says that the peer's kernel took is progress.
    pub fn telling(stream: S, deadline: Duration, unsent: Unsent, delivery: fn(&S) -> Option<Delivery>) -> Self {
        Self { stream, deadline, delivery, stalled: None, unsent, read_activity: ReadActivity::default(), ended: false }
    }

    /// What tells, for as long as the stream is in other hands, whether it was read from.
    pub fn read_activity(&self) -> ReadActivity {
        self.read_activity.clone()
    }

    /// The stream as it was given.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// The stream as it is.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Watches the outcome of one write.
    fn watch<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.unsent.note_held_back(outcome.is_pending());
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let Self { stream, deadline, delivery, stalled, unsent, .. } = self;
        let delivery = || delivery(stream);
        let stalled = stalled.get_or_insert_with(|| Box::new(Stalled::new(delivery(), *deadline)));
        match stalled.poll(cx, *deadline, delivery) {
            Poll::Ready(()) => {
                unsent.note_stalled();
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
            }
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
        let ending = async {
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
        let _ = timeout(LINGER, ending).await;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.read_activity.note();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::sleep;

    use super::*;

    /// A stream that takes nothing more, while its peer's kernel takes what it has.
    struct Full(Arc<AtomicU64>);

    impl Full {
        fn delivery(&self) -> Option<Delivery> {
            Some(Delivery { acked: self.0.load(Ordering::Relaxed), outstanding: true, since_ack: Duration::ZERO })
        }
    }

    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// How long a write waits while the kernel takes something so many times, half a deadline apart.
    async fn waits(deadline: Duration, takes: u32) -> Duration {
        let (acked, start) = (Arc::new(AtomicU64::new(1)), Instant::now());
        let taking = Arc::clone(&acked);
        tokio::spawn(async move {
            for _ in 0..takes {
                sleep(deadline / 2).await;
                taking.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut stream = Guarded::telling(Full(acked), deadline, Unsent::default(), Full::delivery);
        assert_eq!(stream.write(b"more").await.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_in_time_and_who_takes_slowly_is_not() {
        for deadline in [1, 4, 60].map(Duration::from_secs) {
            for takes in [0, 1, 20] {
                let (last, took) = (takes * deadline / 2, waits(deadline, takes).await);
                let latest = deadline + Duration::from_secs(1).max(deadline / 10);
                assert!((last + deadline..=last + latest).contains(&took), "{deadline:?}, {takes}: {took:?}");
            }
        }
    }
}
