//! A plain HTTP exchange: a request to an endpoint, its answer to the client, both streaming.
//!
//! Nothing is collected: a body passes in pieces, at the pace of its reader, and behind it the trailers that its `Trailer`
//! names (the client's, if it takes any: RFC 9110 §6.5.1). A request goes to one endpoint only; it tries
//! another, or another connection, as long as nothing of it was sent. One that may be repeated (RFC 9110 §9.2.2) is asked
//! once more where a connection that had been kept ended under it without a word.
//!
//! Deadlines: `response_timeout` for the head of the answer, counted from the last byte of the request, for until then the
//! two `body_timeout` tell whether the upload moves. An answer may take for ever between two pieces: events are like that.

use std::error::Error;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::time::sleep;

use super::body::AnswerBody;
use super::end::End;
use super::interim::Interim;
use super::origin::Origin;
use super::placement::reach;
use super::record::Record;
use super::refused::Refused;
use super::served::LastAnswer;
use super::visit::Visit;
use crate::balance::Affinity;
use crate::endpoint::{BrokenUpload, HasBody, Upload, UploadProgress, UploadSent};
use crate::endpoint::{EndpointConnection, Unanswered, has_closed};
use crate::endpoint::{Expectation, Verdict};
use crate::http::affinity::Asks;
use crate::http::length::{BadLength, settle_length};
use crate::http::methods::is_idempotent;
use crate::http::{Refusal, binding, forward};
use crate::snapshot::Endpoint;

/// A request as the endpoint gets it, and what can be known of it later.
struct Outgoing {
    request: Request<Upload>,
    sent: UploadSent,
    /// Where the client expects a 100.
    verdict: Option<Verdict>,
}

/// The head of an answer, and who gave it.
struct Answered {
    response: Response<Incoming>,
    endpoint: Arc<Endpoint>,
    connection: EndpointConnection,
}

/// What became of asking over one connection, where it is no refusal.
enum Asked {
    Answered(Response<Incoming>, EndpointConnection),
    /// Nothing of the request was sent.
    Returned(Box<Request<Upload>>),
    /// The connection ended without a word.
    Silent(hyper::Error),
}

/// Whether a connection that has rested may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rested {
    Welcome,
    /// One was asked, and ended under the request.
    Avoided,
}

/// A request that may be repeated, while it is asked over a connection that may be ending.
struct Spare {
    head: Request<()>,
    has_body: HasBody,
    progress: Arc<UploadProgress>,
}

/// Gets the endpoint's answer; its body follows when the client asks for it.
pub(super) async fn run(visit: &Visit, request: Request<Incoming>) -> Result<Response<AnswerBody>, Refused> {
    let affinity = visit.affinity(request.uri(), request.headers(), Asks::Exchange);
    let interim = Interim::begin(&visit.session, request.version()).await;
    let Outgoing { mut request, sent, verdict } = outgoing(visit, request);
    interim.listen(&mut request, verdict.clone());
    let is_step = binding::is_step(request.headers());
    let (method, progress) = (request.method().clone(), request.body().progress());
    let mut record = Record::new(visit, Arc::clone(&progress));
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
    let Answered { response, endpoint, mut connection } = answered;
    if is_step || binding::is_step(response.headers()) {
        connection.note_owned();
    }
    let is_body_wanted = verdict.is_none_or(|verdict| verdict.conclude());
    let (head, body) = response.into_parts();
    let origin = match is_body_wanted {
        true if progress.is_answered_early() => Origin::Early(connection),
        true => Origin::of(visit, &endpoint, connection, &method, &head),
        false => Origin::Once(connection.into_task()),
    };
    let cookie = visit.pin_cookie(&endpoint, &affinity);
    let mut answer = relay(Response::from_parts(head, body), &endpoint, origin, record, cookie)?;
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

/// Makes of an endpoint's answer the one that the client gets.
pub(super) fn relay(
    response: Response<Incoming>,
    endpoint: &Endpoint,
    origin: Origin,
    mut record: Record,
    cookie: Option<HeaderValue>,
) -> Result<Response<AnswerBody>, Refused> {
    let (mut parts, body) = response.into_parts();
    if let Err(nonsense) = check_answer(&mut parts) {
        record.end(End::Refused);
        return Err(endpoint.refused(Refusal::BadAnswer, nonsense));
    }
    record.note_head(&endpoint.name, parts.status);
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        // What is chunked has no other length (RFC 9112 §6.3).
        forward::remove(&mut parts.headers, |name| *name == CONTENT_LENGTH);
    }
    forward::response(&mut parts.headers, None);
    parts.headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    parts.version = Version::HTTP_11;
    let body = AnswerBody::relayed(body, &parts.headers, origin, record);
    Ok(Response::from_parts(parts, body))
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

/// Asks the endpoints that the request is meant for, best first, until one has taken it.
async fn ask_best(
    visit: &Visit,
    mut request: Request<Upload>,
    affinity: &Affinity,
    mut late: Pin<&mut impl Future<Output = ()>>,
) -> Result<Answered, Refused> {
    let deadline = visit.upstream().settings.body_timeout;
    let mut refused = Refused::from(Refusal::NoEndpoint);
    for endpoint in visit.upstream().picks(affinity) {
        let mut rested = Rested::Welcome;
        loop {
            let kept = match rested {
                Rested::Welcome => visit.rested(endpoint),
                Rested::Avoided => None,
            };
            let is_last_try = kept.is_none();
            let connection = match kept {
                Some(connection) => connection,
                None => match reach(visit, endpoint).await {
                    Ok(stream) => {
                        EndpointConnection::open(stream, deadline).await.map_err(|error| blame(endpoint, &error))?
                    }
                    Err(unreachable) => {
                        refused = unreachable.or_try_the_next()?;
                        break;
                    }
                },
            };
            let spare = if is_last_try { None } else { Spare::of(&request) };
            request.body_mut().come_back(spare.is_some());
            match ask(connection, request, endpoint, late.as_mut()).await? {
                Asked::Answered(response, connection) => {
                    return Ok(Answered { response, endpoint: Arc::clone(endpoint), connection });
                }
                Asked::Returned(returned) => request = *returned,
                Asked::Silent(error) => {
                    request = spare.and_then(Spare::into_request).ok_or_else(|| blame(endpoint, &error))?;
                    rested = Rested::Avoided;
                }
            }
            if is_last_try {
                refused = endpoint.refused(Refusal::AnswerLost, "it closed a new connection");
                break;
            }
        }
    }
    Err(refused)
}

/// Asks over one connection.
async fn ask(
    mut connection: EndpointConnection,
    request: Request<Upload>,
    endpoint: &Endpoint,
    late: Pin<&mut impl Future<Output = ()>>,
) -> Result<Asked, Refused> {
    let answer = tokio::select! {
        biased;
        answer = connection.ask(request) => answer,
        () = late => return Err(endpoint.refused(Refusal::HeadTimeout, "no answer within response_timeout")),
    };
    match answer {
        Ok(response) => Ok(Asked::Answered(response, connection)),
        Err(Unanswered::Returned(request)) => Ok(Asked::Returned(request)),
        Err(Unanswered::Silent(error)) => Ok(Asked::Silent(error)),
        Err(Unanswered::Lost(error)) => Err(blame(endpoint, &error)),
    }
}

impl Spare {
    /// What is needed to ask this once more, if that may be done (RFC 9110 §9.2.2).
    fn of(request: &Request<Upload>) -> Option<Self> {
        if !is_idempotent(request.method()) {
            return None;
        }
        let mut head = Request::new(());
        head.method_mut().clone_from(request.method());
        head.uri_mut().clone_from(request.uri());
        head.headers_mut().clone_from(request.headers());
        head.extensions_mut().clone_from(request.extensions());
        let has_body = if request.body().is_end_stream() { HasBody::No } else { HasBody::Yes };
        Some(Self { head, has_body, progress: request.body().progress() })
    }

    /// The request once more, unless some of its body was taken.
    fn into_request(self) -> Option<Request<Upload>> {
        let upload = self.progress.take_back(self.has_body)?;
        Some(self.head.map(|()| upload))
    }
}

impl Visit {
    /// A connection with this endpoint that rests: the client's own, if it has authenticated one.
    fn rested(&self, endpoint: &Endpoint) -> Option<EndpointConnection> {
        let incarnation = endpoint.life.incarnation;
        let own = self.session.take_owned(incarnation, self.client);
        own.or_else(|| self.session.proxy.pool(self.session.worker)?.take(incarnation))
    }
}

/// Whose fault it is that there is no answer.
fn blame(endpoint: &Endpoint, error: &hyper::Error) -> Refused {
    let cause = error.source();
    if let Some(broken) = cause.and_then(|cause| cause.downcast_ref::<BrokenUpload>()) {
        return Refused::from(*broken);
    }
    let refusal = match cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        _ if has_closed(error) => Refusal::AnswerLost,
        Some(_) => Refusal::RequestStuck,
        None => Refusal::BadAnswer,
    };
    endpoint.refused(refusal, error.to_string())
}

/// Whether an answer can be passed on; its length is settled.
fn check_answer(answer: &mut http::response::Parts) -> Result<(), &'static str> {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err("a 101 that nobody asked for");
    }
    let mut codings = answer.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        // hyper takes `2, 2`, would pass it on, and looks at no length of an answer to HEAD.
        (None, _) => {
            settle_length(&mut answer.headers).map(|_| ()).map_err(|BadLength| "a Content-Length that is no length")
        }
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        // The client would get the body in a coding that it is not told of.
        _ => Err("a Transfer-Encoding other than chunked"),
    }
}
