//! A plain HTTP exchange: a request to an endpoint, its answer to the client, both streaming.
//!
//! Nothing is collected: a body passes in pieces, at the pace of its reader, and behind it the trailers that its `Trailer`
//! names (the client's, if it takes any: RFC 9110 §6.5.1).
//!
//! Deadlines: `response_timeout` for the head of the answer, counted from the last byte of the request, for until then the
//! two `body_timeout` tell whether the upload moves. An answer may take for ever between two pieces: events are like that.

use std::pin::pin;
use std::time::Duration;

use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::time::sleep;

use super::attempts::{EndpointAnswer, ask_best};
use super::body::AnswerBody;
use super::end::End;
use super::interim::Interim;
use super::record::Record;
use super::refused::Refused;
use super::relay::relay;
use super::served::LastAnswer;
use super::visit::Visit;
use crate::endpoint::{Answer, ContinueVerdict, Expectation, Reuse, Upload, UploadSent};
use crate::http::affinity::Asks;
use crate::http::{binding, forward};

/// A request as the endpoint gets it, and what can be known of it later.
struct Outgoing {
    request: Request<Upload>,
    sent: UploadSent,
    /// Where the client expects a 100.
    verdict: Option<ContinueVerdict>,
}

/// Gets the endpoint's answer; its body follows when the client asks for it.
pub(super) async fn run(visit: &Visit, request: Request<Incoming>) -> Result<Response<AnswerBody>, Refused> {
    let affinity = visit.affinity(request.uri(), request.headers(), Asks::Exchange);
    let interim = Interim::begin(&visit.session, request.version()).await;
    let Outgoing { mut request, sent, verdict } = outgoing(visit, request);
    interim.listen(&mut request, verdict.clone());
    let is_step = binding::is_step(request.headers());
    let (method, progress) = (request.method().clone(), request.body().progress());
    let mut record = Record::new(visit, progress);
    let late = pin!(late(sent, visit.upstream().settings.response_timeout));
    let answered = ask_best(visit, request, &affinity, late).await;
    interim.conclude().await;
    let answered = match answered {
        Ok(answered) => answered,
        Err(refused) => {
            record.end(End::Refused);
            return Err(refused);
        }
    };
    let EndpointAnswer { answer: Answer { response, is_early }, endpoint, mut connection } = answered;
    if is_step || binding::is_step(response.headers()) {
        connection.note_owned();
    }
    let is_body_wanted = verdict.is_none_or(|verdict| verdict.conclude());
    let (head, body) = response.into_parts();
    let reuse = match is_body_wanted {
        true if is_early => Reuse::Early(connection),
        true => Reuse::of(visit.slot(&endpoint), connection, &method, &head),
        false => Reuse::Close(connection.into_task()),
    };
    let cookie = visit.pin_cookie(&endpoint, &affinity);
    let mut answer = relay(Response::from_parts(head, body), &endpoint, reuse, record, cookie)?;
    if !is_body_wanted {
        // The client may send its body all the same, and nobody will read it (RFC 9110 §10.1.1).
        answer.extensions_mut().insert(LastAnswer);
    }
    Ok(answer)
}

/// Ends when an answer is late: so long after its request was sent.
pub(super) async fn late(sent: UploadSent, response_timeout: Duration) {
    sent.wait().await;
    sleep(response_timeout).await;
}

/// Makes of a client's request the one that the endpoint gets.
fn outgoing(visit: &Visit, request: Request<Incoming>) -> Outgoing {
    let (mut parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    let expectation = Expectation::of(&mut parts, has_body);
    let verdict = expectation.as_ref().map(Expectation::verdict);
    forward::request(&mut parts.headers, visit.arrival, None);
    if has_body && body.size_hint().exact().is_none() {
        // Said aloud: hyper would send no body with a GET otherwise.
        parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else {
        forward::remove(&mut parts.headers, |name| *name == TRANSFER_ENCODING);
    }
    if visit.upstream().settings.keep_alive.is_none() {
        parts.headers.append(CONNECTION, HeaderValue::from_static("close"));
    }
    parts.uri = Uri::from(parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    parts.version = Version::HTTP_11;
    // What stays is how the client spelt its names.
    parts.extensions.remove::<OnUpgrade>();
    let (upload, sent) = Upload::new(body, expectation, visit.session.listener.settings.body_timeout);
    Outgoing { request: Request::from_parts(parts, upload), sent, verdict }
}
