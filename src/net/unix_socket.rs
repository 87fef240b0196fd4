//! A unix socket that counts what is written to it: only so can be told whether its peer reads.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use super::tunnel_stream::TunnelStream;
use crate::process::{Delivery, LEAST_OF_A_WRITE, unix_delivery};

/// A connected unix socket. It knows no reset: one that is closed leaves its peer all that was written to it.
#[derive(Debug)]
pub struct UnixSocket {
    pub(super) stream: UnixStream,
    /// How much memory all that was written took at the least, in bytes.
    pub(super) taken_up: AtomicU64,
}

impl UnixSocket {
    /// Ready once there is something to be read: bytes, the end or an error.
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(cx)
    }

    /// Writes what it takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.try_write(bytes).inspect(|count| self.note_written(*count))
    }

    /// Reads what has come by now, whether or not the runtime knows of it yet.
    pub(super) fn read_what_came(&self, room: &mut [u8]) -> io::Result<usize> {
        (&*SockRef::from(&self.stream)).read(room)
    }

    /// The error that it has failed with, which it tells once.
    pub(super) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.take_error()
    }

    /// Whether the peer has said that it sends no more, whatever of it is still unread.
    pub(super) fn has_fin(&self) -> bool {
        let ready = self.stream.ready(Interest::READABLE).now_or_never();
        ready.is_some_and(|ready| ready.is_ok_and(|ready| ready.is_read_closed()))
    }

    fn note_written(&self, count: usize) {
        self.taken_up.fetch_add(LEAST_OF_A_WRITE + count as u64, Ordering::Relaxed);
    }

    fn noting(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.note_written(count);
        }
        written
    }
}

impl From<UnixStream> for UnixSocket {
    fn from(stream: UnixStream) -> Self {
        Self { stream, taken_up: AtomicU64::new(0) }
    }
}

impl TunnelStream for UnixSocket {
    fn delivery(&self) -> Option<Delivery> {
        unix_delivery(self.stream.as_fd(), self.taken_up.load(Ordering::Relaxed)).ok()
    }
}

impl AsyncRead for UnixSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for UnixSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.noting(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.noting(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::super::Taken;
    use super::*;

    #[tokio::test]
    async fn a_peer_that_reads_makes_progress_also_while_what_it_has_not_read_becomes_more() {
        for size in [64_usize, 1_000, 4_096, 16_384] {
            let (near, mut far) = UnixStream::pair().unwrap();
            let mut near = UnixSocket::from(near);
            let message = vec![7; size];
            let mut write = async |times: usize| {
                for _ in 0..times {
                    near.write_all(&message).await.unwrap();
                }
                near.delivery().unwrap()
            };
            let (mut taken, now) = (Taken::default(), Instant::now() + Duration::from_secs(60));
            taken.look(&write(1).await, now);
            for _ in 0..4 {
                assert_eq!(taken.look(&write(1).await, now), None, "{size}: nobody reads");
                far.read_exact(&mut vec![0; size]).await.unwrap();
                assert_eq!(taken.look(&write(2).await, now), Some(now), "{size}: somebody does");
            }
        }
    }

    #[tokio::test]
    async fn whatever_is_written_counts() {
        let (near, _far) = UnixStream::pair().unwrap();
        let mut near = UnixSocket::from(near);
        near.write_all(b"one").await.unwrap();
        let parts = [io::IoSlice::new(b"and "), io::IoSlice::new(b"another")];
        assert_eq!(near.write_vectored(&parts).await.unwrap(), 11);
        assert_eq!(near.try_write(b"third").unwrap(), 5);
        assert_eq!(near.taken_up.into_inner(), 3 * LEAST_OF_A_WRITE + 3 + 11 + 5);
    }
}
