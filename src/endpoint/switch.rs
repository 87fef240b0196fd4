//! Asking an endpoint to switch protocols: the head of the request, its body if it has one, and the head of the answer.

use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::broken_upload::BrokenUpload;
use super::upload::Upload;
use crate::config::UpstreamSettings;
use crate::http::head::{BadHead, ResponseHead, parse_response_head, write_request_head};
use crate::judge::{Flaw, Judge, Then};
use crate::net::{Guarded, Halves, Stream, StreamHalf};
use crate::ranges::within;

/// What an endpoint answered.
#[derive(Debug)]
pub struct SwitchAnswer {
    /// The head.
    pub head: ResponseHead,
    /// Everything that was read, the head at its front.
    pub read: Vec<u8>,
    /// It came before all of the request was sent.
    pub is_early: bool,
}

/// Why the head of an answer did not come.
#[derive(Debug, Error)]
pub enum NoHead {
    /// The client's part of the request did not come.
    #[error(transparent)]
    Client(#[from] BrokenUpload),
    /// The endpoint took none of the body for too long.
    #[error("it took none of the body within body_timeout")]
    Stuck,
    /// The endpoint's connection ended under the body, and switches all the same.
    #[error("it closed the connection before it had the whole body")]
    Unfinished,
    /// It came to nothing in time.
    #[error("no answer within handshake_timeout")]
    Late,
    /// The connection ended, whether or not something came before.
    #[error("the endpoint closed the connection")]
    Closed {
        /// Nothing at all was heard: it may have ended before it was asked.
        is_silent: bool,
    },
    /// The connection broke.
    #[error("{error}")]
    Broken {
        /// What the system says.
        #[source]
        error: io::Error,
        /// Nothing at all was heard: it may have ended before it was asked.
        is_silent: bool,
    },
    /// It is not HTTP.
    #[error(transparent)]
    Nonsense(#[from] BadHead),
    /// It can be read in more than one way.
    #[error(transparent)]
    Flawed(#[from] Flaw),
}

/// Why a request was not sent whole.
enum NotSent {
    /// The client's part of it did not come.
    Client(BrokenUpload),
    /// The endpoint took none of it for too long.
    Stuck,
    /// The endpoint's connection ended. It may have answered before.
    Ended,
}

/// Sends the head of a request that has no body, and reads the head of the answer and what came with it. `say` hears what comes
/// before the answer (RFC 9110 §15.2).
///
/// # Errors
/// Why there is none.
pub async fn exchange_heads(
    stream: &mut Stream,
    request: &Parts,
    settings: &UpstreamSettings,
    say: impl FnMut(StatusCode, &HeaderMap),
) -> Result<SwitchAnswer, NoHead> {
    let mut buffer = written(request);
    let head = in_time(settings.handshake_timeout, async {
        // An endpoint may answer before it has read all of this, and close: where writing fails, reading tells.
        if stream.write_all(&buffer).await.is_ok() {
            let _ = stream.flush().await;
        }
        // The request has served: its buffer takes the answer.
        buffer.clear();
        read_head(stream, &mut buffer, say).await
    });
    let head = head.await?;
    Ok(SwitchAnswer { head, read: buffer, is_early: false })
}

/// The same while a body follows the head. A final answer may come before its end, and then ends it; the new protocol begins
/// behind it in any case (RFC 9110 §7.8). The answer has `handshake_timeout` from the last byte of the request on; a body that
/// moves may take as long as it likes.
///
/// # Errors
/// Why there is none.
pub async fn exchange_heads_around(
    body: Upload,
    stream: &mut Stream,
    request: &Parts,
    settings: &UpstreamSettings,
    say: impl FnMut(StatusCode, &HeaderMap),
) -> Result<SwitchAnswer, NoHead> {
    let mut read = Vec::with_capacity(USUAL_HEAD);
    let (head, is_early) = {
        let halves = Halves::new(stream);
        let (mut from_endpoint, to_endpoint) = (halves.half(), halves.half());
        let mut to_endpoint =
            Guarded::telling(to_endpoint, settings.body_timeout, Default::default(), StreamHalf::delivery);
        let sending = pin!(send(&mut to_endpoint, written(request), body));
        let answering = pin!(read_head(&mut from_endpoint, &mut read, say));
        // The answer is looked for first: one that crosses the last of its request came early.
        match select(answering, sending).await {
            Either::Right((Ok(()), answering)) => (in_time(settings.handshake_timeout, answering).await?, false),
            Either::Right((Err(NotSent::Ended), answering)) => {
                let head = in_time(settings.handshake_timeout, answering).await?;
                if head.is_switch() {
                    return Err(NoHead::Unfinished);
                }
                (head, true)
            }
            Either::Right((Err(not_sent), _)) => return Err(not_sent.into()),
            Either::Left((head, sending)) => {
                let head = head?;
                if head.is_switch() {
                    sending.await?;
                }
                (head, true)
            }
        }
    };
    Ok(SwitchAnswer { head, read, is_early })
}

impl NoHead {
    /// Whether the connection may have ended before it was asked: nothing was heard of it.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Closed { is_silent: true } | Self::Broken { is_silent: true, .. })
    }
}

/// The head of the request.
fn written(request: &Parts) -> Vec<u8> {
    let root = PathAndQuery::from_static("/");
    let target = request.uri.path_and_query().unwrap_or(&root);
    let mut buffer = Vec::with_capacity(USUAL_HEAD);
    write_request_head(&mut buffer, &request.method, target, &request.headers);
    buffer
}

async fn in_time(
    handshake_timeout: Duration,
    answer: impl Future<Output = Result<ResponseHead, NoHead>>,
) -> Result<ResponseHead, NoHead> {
    timeout(handshake_timeout, answer).await.unwrap_or(Err(NoHead::Late))
}

/// Sends the head and then the body as it comes.
async fn send(stream: &mut Guarded<impl AsyncWrite + Unpin>, head: Vec<u8>, mut body: Upload) -> Result<(), NotSent> {
    write(stream, &head).await?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(NotSent::Client)?;
        // What is no data is a trailer, and a body with a length has none.
        if let Some(data) = frame.data_ref() {
            write(stream, data).await?;
        }
    }
    Ok(())
}

async fn write(stream: &mut Guarded<impl AsyncWrite + Unpin>, bytes: &[u8]) -> Result<(), NotSent> {
    let written = match stream.write_all(bytes).await {
        Ok(()) => stream.flush().await,
        failed => failed,
    };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => NotSent::Stuck,
        _ => NotSent::Ended,
    })
}

async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut Vec<u8>,
    mut say: impl FnMut(StatusCode, &HeaderMap),
) -> Result<ResponseHead, NoHead> {
    let mut judge = Judge::of_answers();
    loop {
        let before = read.len();
        match stream.read_buf(read).await {
            Ok(0) => return Err(NoHead::Closed { is_silent: read.is_empty() }),
            Ok(_) => {}
            Err(error) => return Err(NoHead::Broken { error, is_silent: read.is_empty() }),
        }
        judge_heads(&mut judge, within(read, before..))?;
        // One read may bring several heads: the last of them answers.
        while let Some(head) = parse_response_head(read)? {
            if !is_interim(head.status) {
                return Ok(head);
            }
            say(head.status, &head.headers);
            read.drain(..head.length);
        }
    }
}

/// Judges what was read of heads. Whatever follows the last of them is judged by whom it is for.
fn judge_heads(judge: &mut Judge, read: &[u8]) -> Result<(), NoHead> {
    match judge.scan(read).then {
        Then::Flawed(Flaw::Malformed) => Err(BadHead::of(read).into()),
        Then::Flawed(flaw) if judge.is_in_head() => Err(flaw.into()),
        Then::Flawed(_) | Then::MessageEnds | Then::Exhausted => Ok(()),
    }
}

/// Whether another answer follows (RFC 9110 §15.2).
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

impl From<NotSent> for NoHead {
    fn from(not_sent: NotSent) -> Self {
        match not_sent {
            NotSent::Client(broken) => Self::Client(broken),
            NotSent::Stuck => Self::Stuck,
            NotSent::Ended => Self::Unfinished,
        }
    }
}

/// What the head of a request seldom exceeds, in bytes.
const USUAL_HEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn handshake_timeout_is_punctual() {
        for time in [1, 4, 60].map(Duration::from_secs) {
            let start = Instant::now();
            assert!(matches!(in_time(time, pending()).await, Err(NoHead::Late)));
            let (took, latest) = (start.elapsed(), time + Duration::from_secs(1).max(time / 10));
            assert!((time..=latest).contains(&took), "handshake_timeout of {time:?} acts after {took:?}");
        }
    }
}
