//! Asking an endpoint to switch protocols: the request, the body if it has one, and the head of the answer.

use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::StatusCode;
use http::request::Parts;
use http::uri::PathAndQuery;
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::interim::Interim;
use super::placement::{Placed, reach};
use super::refused::Refused;
use super::visit::Visit;
use crate::endpoint::Upload;
use crate::http::Refusal;
use crate::http::head::{ResponseHead, parse_response_head, write_request_head};
use crate::http::methods::is_idempotent;
use crate::net::{Guarded, Socket, WriteHalf};
use crate::snapshot::Lease;

/// What an endpoint answered: the head, and everything that was read, the head at its front.
pub(super) type Answered = (ResponseHead, Vec<u8>);

/// Why the head of an answer did not come, and what happened.
type Lost = (Refusal, String);

/// Why a request was not sent whole.
enum Unsent {
    /// The client's part of it did not come.
    Client(Refused),
    /// The endpoint took none of it for too long.
    Stuck,
    /// The endpoint's connection ended. It may have answered before.
    Ended,
}

/// Sends the request and reads the head of the answer, and what came with it.
///
/// The answer has `handshake_timeout` from the last byte of the request on; a body that moves may take as long as it likes.
/// Whether the answer came before all of it was sent is noted with the [`UploadProgress`](crate::endpoint::UploadProgress) of the body.
pub(super) async fn ask(
    visit: &Visit,
    placed: &mut Placed,
    parts: &Parts,
    body: Option<Upload>,
    interim: &Interim,
) -> Result<Answered, Refused> {
    match body {
        // Boxed: it is rare, and every upgrade would have room for it.
        Some(body) => {
            let Placed { lease, stream, .. } = placed;
            Box::pin(ask_with_body(visit, lease, stream, written(parts, Vec::new()), body, interim)).await
        }
        None => ask_without_body(visit, placed, parts, interim).await,
    }
}

/// The client's own connection may end under the request: then it is asked once more, over a new one, if that may be done
/// (RFC 9110 §9.2.2).
async fn ask_without_body(
    visit: &Visit,
    placed: &mut Placed,
    parts: &Parts,
    interim: &Interim,
) -> Result<Answered, Refused> {
    let deadline = visit.upstream().settings.handshake_timeout;
    let mut buffer = Vec::with_capacity(REQUEST);
    loop {
        buffer = written(parts, buffer);
        let Placed { lease, stream, is_owned, .. } = placed;
        let answer = in_time(deadline, async {
            // An endpoint may answer before it has read all of this, and close: where writing fails, reading tells.
            let _ = stream.write_all(&buffer).await;
            // The request has served: its buffer takes the answer.
            buffer.clear();
            read_head(stream, &mut buffer, interim).await
        });
        match answer.await {
            Ok(head) => return Ok((head, buffer)),
            Err((Refusal::AnswerLost, _)) if *is_owned && buffer.is_empty() && is_idempotent(&parts.method) => {
                *stream = reach(visit, lease.endpoint()).await?;
                *is_owned = false;
            }
            Err((refusal, detail)) => return Err(lease.refused(refusal, detail)),
        }
    }
}

/// The head of the request, in this buffer.
fn written(parts: &Parts, mut buffer: Vec<u8>) -> Vec<u8> {
    let root = PathAndQuery::from_static("/");
    let target = parts.uri.path_and_query().unwrap_or(&root);
    buffer.clear();
    write_request_head(&mut buffer, &parts.method, target, &parts.headers);
    buffer
}

/// The same while a body follows the head. A final answer may come before its end, and then ends it; the new protocol begins
/// behind it in any case (RFC 9110 §7.8).
async fn ask_with_body(
    visit: &Visit,
    lease: &Lease,
    stream: &mut Socket,
    head: Vec<u8>,
    body: Upload,
    interim: &Interim,
) -> Result<Answered, Refused> {
    let settings = &visit.upstream().settings;
    let blamed = |(refusal, detail): Lost| lease.refused(refusal, detail);
    let progress = body.progress();
    let mut answer = Vec::with_capacity(REQUEST);
    let head = {
        let (mut from_endpoint, to_endpoint) = stream.split();
        let mut to_endpoint =
            Guarded::telling(to_endpoint, settings.body_timeout, Default::default(), WriteHalf::delivery);
        let sending = pin!(send(&mut to_endpoint, head, body));
        let answering = pin!(read_head(&mut from_endpoint, &mut answer, interim));
        // The answer is looked for first: one that crosses the last of its request came early.
        match select(answering, sending).await {
            Either::Right((Ok(()), answering)) => {
                in_time(settings.handshake_timeout, answering).await.map_err(blamed)?
            }
            Either::Right((Err(Unsent::Ended), answering)) => {
                let head = in_time(settings.handshake_timeout, answering).await.map_err(blamed)?;
                if head.is_switch() {
                    return Err(Unsent::Ended.blamed_on(lease));
                }
                progress.note_answered_early();
                head
            }
            Either::Right((Err(unsent), _)) => return Err(unsent.blamed_on(lease)),
            Either::Left((head, sending)) => {
                let head = head.map_err(blamed)?;
                progress.note_answered_early();
                if head.is_switch() {
                    sending.await.map_err(|unsent| unsent.blamed_on(lease))?;
                }
                head
            }
        }
    };
    Ok((head, answer))
}

pub(super) async fn in_time(
    deadline: Duration,
    answer: impl Future<Output = Result<ResponseHead, Lost>>,
) -> Result<ResponseHead, Lost> {
    timeout(deadline, answer)
        .await
        .unwrap_or_else(|_| Err((Refusal::HeadTimeout, "no answer within handshake_timeout".into())))
}

/// Sends the head and then the body as it comes.
async fn send(stream: &mut Guarded<impl AsyncWrite + Unpin>, head: Vec<u8>, mut body: Upload) -> Result<(), Unsent> {
    write(stream, &head).await?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|broken| Unsent::Client(broken.into()))?;
        // What is no data is a trailer, and a body with a length has none.
        if let Some(data) = frame.data_ref() {
            write(stream, data).await?;
        }
    }
    Ok(())
}

async fn write(stream: &mut Guarded<impl AsyncWrite + Unpin>, bytes: &[u8]) -> Result<(), Unsent> {
    stream.write_all(bytes).await.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => Unsent::Stuck,
        _ => Unsent::Ended,
    })
}

async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    answer: &mut Vec<u8>,
    interim: &Interim,
) -> Result<ResponseHead, Lost> {
    loop {
        if stream.read_buf(answer).await.map_err(lost)? == 0 {
            return Err((Refusal::AnswerLost, "the endpoint closed the connection".into()));
        }
        // One read may bring several heads: the last of them answers.
        while let Some(head) = parse_response_head(answer).map_err(|bad| (Refusal::BadAnswer, bad.to_string()))? {
            if !is_interim(head.status) {
                return Ok(head);
            }
            interim.say(head.status, &head.headers);
            answer.drain(..head.length);
        }
    }
}

/// Whether another answer follows (RFC 9110 §15.2).
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

fn lost(error: io::Error) -> Lost {
    (Refusal::AnswerLost, error.to_string())
}

impl Unsent {
    fn blamed_on(self, lease: &Lease) -> Refused {
        match self {
            Self::Client(refused) => refused,
            Self::Stuck => lease.refused(Refusal::RequestStuck, "it took none of the body within body_timeout"),
            Self::Ended => lease.refused(Refusal::AnswerLost, "it closed the connection before it had the whole body"),
        }
    }
}

/// What the head of a request seldom exceeds, in bytes.
const REQUEST: usize = 1024;
