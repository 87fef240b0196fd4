//! An upgrade that the endpoint answered with something else than a 101: its answer goes to the client as it is, and the
//! client's connection stays HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::header::HeaderValue;
use http::{Method, Request, Response};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::body::AnswerBody;
use super::connection::Driver;
use super::exchange::relay;
use super::origin::Origin;
use super::record::Record;
use super::request::{Refused, Visit};
use super::upload::Progress;
use crate::http::Refusal;
use crate::snapshot::Lease;

/// Passes the endpoint's answer on; `early` is what was read of it, `upload` how far the request's body got.
pub(super) async fn pass_through(
    visit: &Visit,
    method: Method,
    lease: Lease,
    stream: TcpStream,
    early: Vec<u8>,
    upload: Arc<Progress>,
    cookie: Option<HeaderValue>,
) -> Result<Response<AnswerBody>, Refused> {
    let nonsense = |error: hyper::Error| lease.refused(Refusal::BadAnswer, error.to_string());
    let io = TokioIo::new(Asked { early: early.into(), stream, stage: Stage::Asking });
    let (mut sender, connection) = http1::handshake(io).await.map_err(nonsense)?;
    let driver = Driver::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = method;
    let response = sender.send_request(request).await.map_err(nonsense)?;
    let record = Record::new(visit, upload);
    relay(response, lease.endpoint(), Origin::Once(driver), record, cookie)
}

/// A stream whose request has been sent and whose answer has been read in part: hyper reads the answer, and what it
/// writes, which is that request again, goes nowhere.
#[derive(Debug)]
struct Asked {
    early: Bytes,
    stream: TcpStream,
    stage: Stage,
}

/// What hyper believes. To it, an answer that comes before its request is nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has still to send the request.
    Asking,
    /// It waits for the answer.
    Reading,
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
        buf.put_slice(self.early.get(..count).unwrap_or_default());
        self.early.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Asked {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stage = Stage::Reading;
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
