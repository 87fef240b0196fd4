//! One stream of a connection of HTTP/2, as a tunnel reads from it and writes to it (RFC 8441 §5).
//!
//! END_STREAM is its FIN and RST_STREAM its reset, both ways; its two windows are the room that a socket's buffers are elsewhere.
//! What is read is given back to the client's window as it is taken, so a tunnel that reads no further holds up this one stream.
//!
//! Invariant: one whose both directions were ended in good order sends no RST_STREAM, whenever it is dropped: what the client still
//! says is waited for, and its END_STREAM, for a moment. After a RST_STREAM browsers leave HTTP/2 alone on that host.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::shared_delivery::{SharedDelivery, StreamDelivery};
use super::tunnel_stream::TunnelStream;
use crate::process::Delivery;
use crate::ranges::within;

/// A stream of HTTP/2 whose head was answered.
#[derive(Debug)]
pub struct Http2Stream {
    /// Until it is dropped.
    ends: Option<Ends>,
    /// Of what came, what is not read yet.
    unread: Bytes,
    /// Our END_STREAM is said.
    is_finished: bool,
    /// How far what was written has got.
    delivery: StreamDelivery,
}

/// Its two directions.
#[derive(Debug)]
struct Ends {
    from_client: RecvStream,
    to_client: SendStream<Bytes>,
}

impl Http2Stream {
    /// The two directions of one stream, over a connection of which this is known.
    pub fn new(from_client: RecvStream, mut to_client: SendStream<Bytes>, connection: SharedDelivery) -> Self {
        // Until something is written, h2 keeps the waker of whoever waited for the answer, and that all of a task that has ended.
        let _ = to_client.poll_reset(&mut Context::from_waker(Waker::noop()));
        let ends = Some(Ends { from_client, to_client });
        Self { ends, unread: Bytes::new(), is_finished: false, delivery: StreamDelivery::new(connection) }
    }

    /// The two directions of one whose END_STREAM is said: it is only waited for the client's.
    pub fn finished(from_client: RecvStream, to_client: SendStream<Bytes>) -> Self {
        let mut stream = Self::new(from_client, to_client, SharedDelivery::default());
        stream.is_finished = true;
        stream
    }

    fn ends(&mut self) -> io::Result<&mut Ends> {
        self.ends.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl TunnelStream for Http2Stream {
    fn delivery(&self) -> Option<Delivery> {
        self.delivery.ask()
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unread.is_empty() {
            match ready!(this.ends()?.from_client.poll_data(cx)) {
                Some(Ok(data)) => this.unread = data,
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                // Trailers have no place behind a tunnel, and are its end.
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = this.unread.len().min(buf.remaining());
        buf.put_slice(within(&this.unread, ..count));
        this.unread.advance(count);
        if this.unread.is_empty() {
            // An empty rest holds on to what the whole connection read with it.
            this.unread = Bytes::new();
        }
        // It fails only where more is given back than was taken.
        let _ = this.ends()?.from_client.flow_control().release_capacity(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = &mut this.ends()?.to_client;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        stream.reserve_capacity(buf.len());
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let taken = within(buf, ..stream.capacity().min(buf.len()));
        stream.send_data(Bytes::copy_from_slice(taken), false).map_err(broken)?;
        this.delivery.note_written();
        Poll::Ready(Ok(taken.len()))
    }

    /// Whoever drives the connection writes what it was given.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_finished {
            this.ends()?.to_client.send_data(Bytes::new(), true).map_err(broken)?;
            this.is_finished = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        let Some(mut ends) = self.ends.take() else { return };
        if !self.is_finished {
            ends.to_client.send_reset(Reason::CANCEL);
        } else if !ends.from_client.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            let unread = self.unread.len();
            let _ = ends.from_client.flow_control().release_capacity(unread);
            runtime.spawn(async move {
                // The client may take its time to say its own; whatever happens now, it has all that was for it.
                let _ = timeout(LINGER, ends.read_to_end()).await;
            });
        }
    }
}

impl Ends {
    /// Reads and discards what the client still says, until its END_STREAM, or until it says too much.
    async fn read_to_end(&mut self) {
        let mut left = LINGER_BYTES;
        while let Some(Ok(data)) = self.from_client.data().await {
            let Some(rest) = left.checked_sub(data.len()) else { return };
            left = rest;
            let _ = self.from_client.flow_control().release_capacity(data.len());
        }
    }
}

/// What an error of a stream, or of its connection, is to a reader or a writer.
fn broken(error: h2::Error) -> io::Error {
    match error.reason() {
        Some(_) => io::Error::new(io::ErrorKind::ConnectionReset, error),
        None => error.into_io().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()),
    }
}

/// How long the client's END_STREAM is waited for, behind ours and everything else.
const LINGER: Duration = Duration::from_secs(10);

/// How much is read and discarded meanwhile.
const LINGER_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use http::{Request, Response};

    use super::*;

    struct Waiting;

    impl Wake for Waiting {
        fn wake(self: Arc<Self>) {}
    }

    #[tokio::test]
    async fn nobody_is_kept_who_waited_for_the_answer() {
        let (client, server) = tokio::io::duplex(1 << 16);
        let (client, server) = tokio::join!(h2::client::handshake(client), h2::server::handshake(server));
        let ((mut client, driver), mut server) = (client.unwrap(), server.unwrap());
        tokio::spawn(driver);
        let asked = client.send_request(Request::get("https://chat.test/").body(()).unwrap(), false).unwrap();
        let (request, mut respond) = server.accept().await.unwrap().unwrap();
        let waiting = Arc::new(Waiting);
        let waker = Waker::from(Arc::clone(&waiting));
        assert!(respond.poll_reset(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert_eq!(Arc::strong_count(&waiting), 2);
        let outgoing = respond.send_response(Response::new(()), false).unwrap();
        let _stream = Http2Stream::new(request.into_body(), outgoing, SharedDelivery::default());
        assert_eq!(Arc::strong_count(&waiting), 1);
        drop(asked);
    }
}
