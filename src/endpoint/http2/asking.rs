//! One request over a shared connection, until the head of its answer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::header::TE;
use http::{Request, Response, StatusCode};
use http_body::Body;
use tokio::task::JoinHandle;

use super::super::interim::InterimListener;
use super::super::upload::Upload;
use super::body::StreamBody;
use super::connection::StreamSlot;
use super::failure::StreamFailure;
use super::sending::{NotSent, Sending};
use crate::http::http2;

/// The head of an answer.
#[derive(Debug)]
pub struct StreamAnswer {
    /// The head; its body follows.
    pub response: Response<StreamBody>,
    /// What it comes by.
    pub stream: OpenStream,
}

/// The stream of a request that is answered. Dropped before the answer is whole, it is reset.
#[derive(Debug)]
pub struct OpenStream {
    slot: StreamSlot,
    /// The answer came before all of the request was sent: it takes the rest.
    upload: Option<UploadTask>,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct NoAnswer {
    /// What happened.
    pub failure: StreamFailure,
    /// The request as it was, if it can be sent once more.
    pub request: Option<Box<Request<Upload>>>,
    /// Others were sent over the connection before it, which may have been ending already.
    pub was_kept: bool,
    /// Another request was lost with the same connection, and told of it before.
    pub is_told: bool,
}

/// Sends what is left of a request; dropped, it is given up.
#[derive(Debug)]
struct UploadTask(JoinHandle<()>);

/// What is heard first of a request.
enum Heard {
    Answer(Result<Response<RecvStream>, h2::Error>),
    Failure(StreamFailure),
}

/// An endpoint's 101, which HTTP/2 has not (RFC 9113 §8.6): as an interim answer it would make the client switch.
struct Switched;

/// Sends a request over the stream that `slot` is for, and waits for the head of its answer. Of its body, the endpoint may take
/// nothing for `body_timeout`. Dropped, the stream is reset, and nothing else on the connection.
///
/// # Errors
/// What became of it then.
pub async fn ask_over_http2(
    slot: StreamSlot,
    request: Request<Upload>,
    body_timeout: Duration,
) -> Result<StreamAnswer, NoAnswer> {
    let (parts, upload) = request.into_parts();
    let was_kept = slot.is_later;
    let head = http2::request(&parts, slot.origin());
    let (mut answering, stream) = match begin(slot.sender.clone(), head, upload.is_end_stream()).await {
        Ok(begun) => begun,
        Err(error) => {
            let request = Some(Box::new(Request::from_parts(parts, upload)));
            return Err(NoAnswer { failure: StreamFailure::unopened(error), request, was_kept, is_told: false });
        }
    };
    let mut sending = Sending::new(upload, stream, body_timeout);
    let listener = parts.extensions.get::<InterimListener>();
    let failure = match first_heard(&mut answering, &mut sending, listener).await {
        Heard::Answer(Ok(response)) => {
            let takes_trailers = parts.headers.contains_key(TE);
            return Ok(answered(slot, response, sending, takes_trailers));
        }
        Heard::Answer(Err(error)) => slot.failure(error),
        Heard::Failure(failure) => failure,
    };
    // A GOAWAY leaves many requests unread, too.
    let is_shared = failure.is_of_connection() || failure.is_free();
    let is_told = is_shared && !slot.take_blame();
    let upload = sending.into_upload();
    let request = upload.map(|upload| Box::new(Request::from_parts(parts, upload)));
    Err(NoAnswer { failure, request, was_kept, is_told })
}

/// Opens the stream. Where that fails, nothing was sent.
async fn begin(
    sender: SendRequest<Bytes>,
    head: Request<()>,
    is_all: bool,
) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
    sender.ready().await?.send_request(head, is_all)
}

/// Sends the body and waits for the answer, whichever comes to something first. An answer that crosses the last of its request came
/// early.
async fn first_heard(
    answering: &mut ResponseFuture,
    sending: &mut Sending,
    listener: Option<&InterimListener>,
) -> Heard {
    let mut sent = pin!(sending.run());
    let mut is_sending = true;
    poll_fn(|cx| {
        if hear_interim(answering, listener, cx).is_err() {
            return Poll::Ready(Heard::Failure(StreamFailure::Switched));
        }
        if let Poll::Ready(answer) = Pin::new(&mut *answering).poll(cx) {
            return Poll::Ready(Heard::Answer(answer));
        }
        if is_sending && let Poll::Ready(sent) = sent.as_mut().poll(cx) {
            is_sending = false;
            match sent {
                Err(NotSent::Client(broken)) => return Poll::Ready(Heard::Failure(StreamFailure::Client(broken))),
                Err(NotSent::Stuck) => return Poll::Ready(Heard::Failure(StreamFailure::Stuck)),
                // The answer tells.
                Err(NotSent::Ended) | Ok(()) => {}
            }
        }
        Poll::Pending
    })
    .await
}

/// Tells of what came before the answer.
///
/// # Errors
/// It says that it switches.
fn hear_interim(
    answering: &mut ResponseFuture,
    listener: Option<&InterimListener>,
    cx: &mut Context<'_>,
) -> Result<(), Switched> {
    // Its end, and its error, are the answer's.
    while let Poll::Ready(Some(Ok(interim))) = answering.poll_informational(cx) {
        if interim.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Switched);
        }
        if let Some(listener) = listener {
            listener.hear(interim.status(), interim.headers());
        }
    }
    Ok(())
}

fn answered(slot: StreamSlot, response: Response<RecvStream>, sending: Sending, takes_trailers: bool) -> StreamAnswer {
    let (mut head, body) = response.into_parts();
    if takes_trailers {
        http2::announce(&mut head.headers);
    }
    let body = StreamBody::new(body, &head.headers);
    let upload = (!sending.is_sent()).then(|| UploadTask::spawn(sending));
    StreamAnswer { response: Response::from_parts(head, body), stream: OpenStream { slot, upload } }
}

impl OpenStream {
    /// Whether some of the request is still to be sent.
    pub fn is_early(&self) -> bool {
        self.upload.is_some()
    }

    /// Nothing more of the request is sent.
    pub fn end_upload(&mut self) {
        self.upload = None;
    }

    /// The answer is whole: what is left of the request may follow.
    pub fn release(self) {
        let Self { slot, upload } = self;
        if let Some(mut upload) = upload {
            // The two body_timeouts bound the wait.
            tokio::spawn(async move {
                let _ = (&mut upload.0).await;
                drop(slot);
            });
        }
    }
}

impl UploadTask {
    fn spawn(mut sending: Sending) -> Self {
        Self(tokio::spawn(async move {
            // A stream that is reset says so to the reader of its answer.
            let _ = sending.run().await;
        }))
    }
}

impl Drop for UploadTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
