//! One stream: a request that is answered, or becomes a tunnel (RFC 8441 §5).

use std::sync::Arc;
use std::time::Duration;

use h2::RecvStream;
use h2::ext::Protocol;
use http::{HeaderMap, Request, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::answering::{Pace, send};
use super::respond::Respond;
use super::streams::StreamPlace;
use crate::endpoint::ClientBody;
use crate::http::http2::{READER, answer};
use crate::net::{Http2Stream, SharedDelivery, Stream, StreamDelivery};
use crate::session::body::AnswerBody;
use crate::session::context::{Admission, Session};
use crate::session::request;
use crate::session::served::{ClosedAtOnce, OpenTunnel, Served};

/// What a stream has for as long as it is open, whatever it becomes.
pub(super) struct StreamAdmission {
    /// None for one that is only told that there is no place.
    pub(super) place: Option<StreamPlace>,
    /// That of its connection.
    pub(super) session: Arc<Admission>,
    /// How far what is written to that has got.
    pub(super) delivery: SharedDelivery,
}

/// Has a request answered; `session` is what is known of its connection. Ends with the stream, or where a tunnel takes it over.
pub(super) async fn serve(
    session: Arc<Session>,
    request: Request<RecvStream>,
    respond: Respond,
    held: StreamAdmission,
) {
    let (mut parts, incoming) = request.into_parts();
    parts.extensions.insert(respond.clone());
    // What follows the request of a tunnel is the tunnel's, and no body.
    let (body, mut tunnel) = match parts.extensions.get::<Protocol>() {
        Some(_) => (ClientBody::Empty, Some(incoming)),
        None => (body(&parts.headers, incoming, &respond), None),
    };
    let request = Request::from_parts(parts, body);
    let body_timeout = session.listener.settings.body_timeout;
    let served = tokio::select! {
        biased;
        served = request::answer(&session, request, &READER) => served,
        () = respond.unwanted() => return,
    };
    let response = match (served, tunnel.take()) {
        (Served::Opened(opened), Some(incoming)) => return open(*opened, incoming, &respond, held),
        (Served::ClosedAtOnce(closed), Some(incoming)) => {
            return close(*closed, incoming, &respond, (held, body_timeout)).await;
        }
        // Nothing but the request of a tunnel comes to one.
        (Served::Opened(_) | Served::ClosedAtOnce(_), None) => return,
        (Served::Answered(response), incoming) => {
            tunnel = incoming;
            response
        }
        (Served::Refused(refusal, terms), incoming) => {
            tunnel = incoming;
            refusal.response(terms).map(AnswerBody::own)
        }
    };
    let pace = Pace::new(StreamDelivery::new(held.delivery.clone()), body_timeout);
    let sent = send(response, respond, pace).await;
    if let (Some(incoming), Some(outgoing)) = (tunnel, sent) {
        // Who has asked for a tunnel says when it has nothing more to say, and reads no RST_STREAM.
        drop(Http2Stream::finished(incoming, outgoing));
    }
    drop(held);
}

/// The body of a request; whoever waits until it is wanted is told so.
fn body(headers: &HeaderMap, incoming: RecvStream, respond: &Respond) -> ClientBody {
    let respond = respond.clone();
    ClientBody::over_http2(incoming, headers, move || respond.say_interim(StatusCode::CONTINUE, HeaderMap::new()))
}

/// Joins a tunnel with its stream, whose place it has for as long as it is open.
fn open(mut opened: OpenTunnel, incoming: RecvStream, respond: &Respond, held: StreamAdmission) {
    let head = answer::tunnel(std::mem::take(&mut opened.headers));
    // A client that is gone meanwhile is one: the endpoint is told when the tunnel is dropped.
    if let Ok(outgoing) = respond.answer(head, false) {
        let stream = Stream::Http2(Box::new(Http2Stream::new(incoming, outgoing, held.delivery)));
        opened.join(stream, Vec::new(), Vec::new(), (held.session.seat_beside(), held.place));
    }
}

/// Opens a WebSocket that is closed at once.
async fn close(
    mut closed: ClosedAtOnce,
    incoming: RecvStream,
    respond: &Respond,
    (held, body_timeout): (StreamAdmission, Duration),
) {
    let head = answer::tunnel(std::mem::take(&mut closed.headers));
    if let Ok(outgoing) = respond.answer(head, false) {
        let mut stream = Http2Stream::new(incoming, outgoing, held.delivery.clone());
        let told = async {
            stream.write_all(&closed.close()).await?;
            stream.shutdown().await
        };
        // The client may be gone, or keep its window shut.
        let _ = timeout(body_timeout, told).await;
    }
}
