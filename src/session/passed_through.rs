//! An upgrade that the endpoint answered with something else than a 101: its answer goes to the client as it is, and the
//! client's connection stays HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::header::HeaderValue;
use http::{Method, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::body::AnswerBody;
use super::exchange::relay;
use super::origin::Origin;
use super::placement::Placed;
use super::record::Record;
use super::refused::Refused;
use super::visit::Visit;
use crate::endpoint::EndpointConnection;
use crate::endpoint::{Upload, UploadProgress};
use crate::http::Refusal;
use crate::net::{Socket, TunnelStream};
use crate::process::Delivery;
use crate::ranges::within;

/// Passes the endpoint's answer on; `early` is what was read of it, `upload` how far the request's body got. The connection ends
/// with the answer, unless it is the client's own and has all of the request: the next one would stand in the body of this.
pub(super) async fn pass_through(
    visit: &Visit,
    method: Method,
    Placed { lease, stream, is_owned, .. }: Placed,
    early: Vec<u8>,
    upload: Arc<UploadProgress>,
    cookie: Option<HeaderValue>,
) -> Result<Response<AnswerBody>, Refused> {
    let nonsense = |detail: String| lease.refused(Refusal::BadAnswer, detail);
    let stream = Asked { early: early.into(), stream, stage: Stage::Asking };
    let deadline = visit.upstream().settings.body_timeout;
    let mut connection =
        EndpointConnection::open(stream, deadline).await.map_err(|error| nonsense(error.to_string()))?;
    let mut request = Request::new(Upload::none());
    request.method_mut().clone_from(&method);
    let may_stay = is_owned && !upload.is_answered_early();
    let record = Record::new(visit, upload);
    let (head, body) = match connection.ask(request).await {
        Ok(response) => response.into_parts(),
        Err(unanswered) => return Err(nonsense(unanswered.to_string())),
    };
    let origin = if may_stay {
        connection.note_owned();
        Origin::of(visit, lease.endpoint(), connection, &method, &head)
    } else {
        Origin::Once(connection.into_task())
    };
    relay(Response::from_parts(head, body), lease.endpoint(), origin, record, cookie)
}

/// A stream whose request has been sent and whose answer has been read in part: hyper reads the answer, and what it
/// writes first, which is that request again, goes nowhere.
#[derive(Debug)]
struct Asked {
    early: Bytes,
    stream: Socket,
    stage: Stage,
}

/// What hyper believes. To it, an answer that comes before its request is nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has still to send the request.
    Asking,
    /// It waits for the answer, and may send others after that.
    Sent,
}

impl AsyncRead for Asked {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stage == Stage::Asking {
            // The write to come wakes us: both are polled by one task.
            return Poll::Pending;
        }
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = self.early.len().min(buf.remaining());
        buf.put_slice(within(&self.early, ..count));
        self.early.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Asked {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.stage == Stage::Sent {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        self.stage = Stage::Sent;
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

impl TunnelStream for Asked {
    fn delivery(&self) -> Option<Delivery> {
        self.stream.delivery()
    }
}

impl From<Asked> for Socket {
    /// Nothing of the answer is left when hyper has read it to its end.
    fn from(asked: Asked) -> Self {
        asked.stream
    }
}
