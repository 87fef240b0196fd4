//! An answer on its way into a stream: piece by piece, as far as the client opens its window.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::Response;
use http_body::{Body, Frame};
use tokio::time::{Instant, timeout_at};

use super::respond::Respond;
use crate::http::http2::answer;
use crate::net::{DeliveryTimer, StreamDelivery};
use crate::session::body::AnswerBody;

/// How slowly an answer may be taken.
pub(super) struct Pace {
    delivery: StreamDelivery,
    body_timeout: Duration,
}

/// Why an answer is not sent to its end: the stream is no more.
struct Ended;

impl Pace {
    /// None of it may be taken for `body_timeout`.
    pub(super) fn new(delivery: StreamDelivery, body_timeout: Duration) -> Self {
        Self { delivery, body_timeout }
    }
}

/// Sends an answer to its end. A client that takes none of it for too long loses its stream, and nothing else.
///
/// Gives the direction to the client, if there was one to give.
pub(super) async fn send(
    response: Response<AnswerBody>,
    respond: Respond,
    mut pace: Pace,
) -> Option<SendStream<Bytes>> {
    let (head, mut body) = answer::of(response);
    let is_all = body.is_end_stream();
    let mut stream = respond.answer(head, is_all).ok()?;
    drop(respond);
    if !is_all {
        // Of a stream that is no more, nobody has to be told.
        let _ = send_body(&mut body, &mut stream, &mut pace).await;
    }
    Some(stream)
}

async fn send_body(body: &mut AnswerBody, stream: &mut SendStream<Bytes>, pace: &mut Pace) -> Result<(), Ended> {
    loop {
        let frame = poll_fn(|cx| match stream.poll_reset(cx) {
            Poll::Ready(_) => Poll::Ready(Err(Ended)),
            Poll::Pending => Pin::new(&mut *body).poll_frame(cx).map(Ok),
        });
        match frame.await? {
            Some(Ok(frame)) => {
                let is_last = body.is_end_stream();
                if send_frame(frame, is_last, stream, pace).await? {
                    return Ok(());
                }
            }
            Some(Err(_)) => {
                // What the client has of it must not look like all of it.
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Err(Ended);
            }
            None => return stream.send_data(Bytes::new(), true).map_err(|_| Ended),
        }
    }
}

/// Sends a piece of a body, the last of it if `is_last`. Says whether the stream has its end with it.
async fn send_frame(
    frame: Frame<Bytes>,
    is_last: bool,
    stream: &mut SendStream<Bytes>,
    pace: &mut Pace,
) -> Result<bool, Ended> {
    let mut piece = match frame.into_data() {
        Ok(piece) => piece,
        Err(frame) => {
            let Ok(trailers) = frame.into_trailers() else { return Ok(false) };
            return stream.send_trailers(trailers).map(|()| true).map_err(|_| Ended);
        }
    };
    while !piece.is_empty() {
        let capacity = capacity(stream, piece.len(), pace).await?;
        let part = piece.split_to(capacity.min(piece.len()));
        stream.send_data(part, is_last && piece.is_empty()).map_err(|_| Ended)?;
        pace.delivery.note_written();
        if is_last && piece.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How much the stream takes now, of so much. What the client's kernel takes meanwhile of what was written before counts, too.
async fn capacity(stream: &mut SendStream<Bytes>, wanted: usize, pace: &Pace) -> Result<usize, Ended> {
    stream.reserve_capacity(wanted);
    if stream.capacity() > 0 {
        return Ok(stream.capacity());
    }
    let Pace { delivery, body_timeout } = pace;
    let mut timer = DeliveryTimer::new(delivery.ask(), Instant::now());
    loop {
        let opened = poll_fn(|cx| match stream.capacity() {
            0 => stream.poll_capacity(cx),
            capacity => Poll::Ready(Some(Ok(capacity))),
        });
        let now = Instant::now();
        match timeout_at(timer.next_look(*body_timeout, now), opened).await {
            Ok(Some(Ok(0))) => {}
            Ok(Some(Ok(capacity))) => return Ok(capacity),
            Ok(_) => return Err(Ended),
            Err(_) if timer.poll_expired(*body_timeout, || delivery.ask(), Instant::now()) => {
                stream.send_reset(Reason::CANCEL);
                return Err(Ended);
            }
            Err(_) => {}
        }
    }
}
