//! The answer to a request that was not sent by hyper: hyper reads it, from what was read of it already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{Answer, EndpointConnection, Unanswered};
use super::upload::Upload;
use crate::net::{Stream, TunnelStream};
use crate::process::Delivery;

/// Has hyper read the answer to a request by `method` that was sent over `stream`; `read` is what was read of it. The connection
/// may be asked again afterwards.
///
/// # Errors
/// What came is no answer.
pub async fn read_answer(
    stream: Stream,
    read: Vec<u8>,
    method: &Method,
    body_timeout: Duration,
) -> Result<(EndpointConnection<Upload>, Answer), Unanswered<Upload>> {
    let stream = ReplayedStream { read: read.into(), stream, request: Replay::Swallowed };
    let mut connection = EndpointConnection::open(stream, body_timeout).await.map_err(Unanswered::Lost)?;
    let mut request = Request::new(Upload::none());
    request.method_mut().clone_from(method);
    let answer = connection.send(request).await?;
    Ok((connection, answer))
}

/// A stream whose request has been sent and whose answer has been read in part: hyper reads the answer, and what it
/// writes first, which is that request again, goes nowhere.
#[derive(Debug)]
struct ReplayedStream {
    /// What was read and hyper has not seen yet.
    read: Bytes,
    stream: Stream,
    request: Replay,
}

/// What becomes of the request that hyper writes. To it, an answer that comes before its request is nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replay {
    /// It was sent already.
    Swallowed,
    /// It is another one.
    Sent,
}

impl AsyncRead for ReplayedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.request == Replay::Swallowed {
            // The write to come wakes us: both are polled by one task.
            return Poll::Pending;
        }
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReplayedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.request == Replay::Sent {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        self.request = Replay::Sent;
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl TunnelStream for ReplayedStream {
    fn delivery(&self) -> Option<Delivery> {
        self.stream.delivery()
    }
}

impl From<ReplayedStream> for Stream {
    /// Nothing of the answer is left when hyper has read it to its end.
    fn from(replayed: ReplayedStream) -> Self {
        replayed.stream
    }
}
