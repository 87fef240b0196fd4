//! An endpoint's stream under hyper: what the endpoint said is read even where writing to it fails.
//!
//! An endpoint may answer before it has taken the whole request, and close: "413, and I read no more". The write that fails
//! then would hide the answer that already waits. So a failed write only waits: the reads will tell, and soon, for a
//! connection that cannot be written to has ended.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::TunnelStream;
use crate::process::Delivery;

/// A stream whose writes never fail.
#[derive(Debug)]
pub(super) struct ReadAfterFailedWrite<S>(S);

impl<S> ReadAfterFailedWrite<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(stream)
    }

    /// The stream as it was given.
    pub(super) fn into_inner(self) -> S {
        self.0
    }
}

impl<S: TunnelStream> ReadAfterFailedWrite<S> {
    /// How far what was written has got.
    pub(super) fn delivery(&self) -> Option<Delivery> {
        self.0.delivery()
    }
}

/// Whoever waits now is woken by the read side.
fn told_by_reads<T>(outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    match outcome {
        Poll::Ready(Err(_)) => Poll::Pending,
        outcome => outcome,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAfterFailedWrite<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAfterFailedWrite<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        told_by_reads(Pin::new(&mut self.0).poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        told_by_reads(Pin::new(&mut self.0).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        told_by_reads(Pin::new(&mut self.0).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn an_answer_before_a_reset_is_read_though_writing_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut endpoint, _) = listener.accept().await.unwrap();
        stream.write_all(b"more than is read").await.unwrap();
        endpoint.readable().await.unwrap();
        endpoint.write_all(b"413").await.unwrap();
        // With unread input: a reset, not a FIN.
        drop(endpoint);
        let mut stream = ReadAfterFailedWrite::new(stream);
        assert!(stream.write_all(b"the rest").now_or_never().is_none());
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"413");
        // Whoever waits to write learns from the reads that there is no more.
        assert!(!stream.read(&mut answer).await.is_ok_and(|count| count > 0));
    }
}
