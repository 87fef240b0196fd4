//! A plain HTTP exchange: a request to an endpoint, its answer to the client, both streaming.
//!
//! Nothing is collected: a body passes in pieces, at the pace of its reader, and behind it the trailers that its `Trailer`
//! names (the client's, if it takes any: RFC 9110 §6.5.1).
//!
//! Deadlines: `request_timeout` for all of it, where a route has one; `response_timeout` for the head of the answer, counted from the
//! last byte of the request (`lateness`), for until then the two `body_timeout` tell whether the upload moves. An answer may take for
//! ever between two pieces: events are like that.

use std::pin::pin;

use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use super::asked_endpoint::EndpointAnswer;
use super::attempts::ask_best;
use super::body::AnswerBody;
use super::end::End;
use super::exchange_record::ExchangeRecord;
use super::interim::Interim;
use super::lateness::{late, until};
use super::refused::Refused;
use super::relay::relay;
use super::request_context::RequestContext;
use super::served::LastAnswer;
use crate::endpoint::{Carrier, ClientBody, ContinueVerdict, Expectation, Reuse, Upload, UploadSent};
use crate::health::Asked;
use crate::http::{Refusal, binding, forward};

/// A request as the endpoint gets it, and what can be known of it later.
struct Outgoing {
    request: Request<Upload>,
    sent: UploadSent,
    /// Where the client expects a 100.
    verdict: Option<ContinueVerdict>,
}

/// Gets the endpoint's answer; its body follows when the client asks for it.
pub(super) async fn run(
    context: &RequestContext,
    mut request: Request<ClientBody>,
) -> Result<Response<AnswerBody>, Refused> {
    let affinity = context.affinity(request.uri(), request.headers(), Asked::Exchange);
    let interim = Interim::begin(&context.session, request.version(), request.extensions_mut()).await;
    let Outgoing { mut request, sent, verdict } = outgoing(context, request);
    interim.listen(&mut request, verdict.clone());
    let is_step = binding::is_step(request.headers());
    let (method, progress) = (request.method().clone(), request.body().progress());
    let mut record = ExchangeRecord::new(context, progress);
    let deadline = context.deadline();
    let late = pin!(late(sent, context.upstream().settings.response_timeout, deadline));
    let answered = tokio::select! {
        biased;
        answered = ask_best(context, request, &affinity, late) => answered,
        () = until(deadline.map(|deadline| deadline.at)) => Err(Refusal::Overdue.into()),
    };
    interim.conclude().await;
    let answered = match answered {
        Ok(answered) => answered,
        Err(refused) => {
            record.end(End::Refused);
            return Err(refused);
        }
    };
    let EndpointAnswer { response, is_early, endpoint, carrier } = answered;
    let is_body_wanted = verdict.is_none_or(|verdict| verdict.conclude());
    let (head, body) = response.into_parts();
    let reuse = match (carrier, is_body_wanted) {
        (Carrier::Connection(mut connection), true) => {
            if is_step || binding::is_step(&head.headers) {
                connection.note_owned();
            }
            match is_early {
                true => Reuse::Early(connection),
                false => Reuse::of(context.slot(&endpoint), connection, &method, &head),
            }
        }
        (Carrier::Connection(connection), false) => Reuse::Close(connection.into_task()),
        (Carrier::Stream(stream), true) => Reuse::Shared(stream),
        (Carrier::Stream(mut stream), false) => {
            stream.end_upload();
            Reuse::Shared(stream)
        }
    };
    let added = context.added(&endpoint, &affinity);
    let mut answer = relay(Response::from_parts(head, body), &endpoint, reuse, record, &added)?;
    context.change_response(answer.headers_mut());
    if !is_body_wanted {
        // The client may send its body all the same, and nobody will read it (RFC 9110 §10.1.1).
        answer.extensions_mut().insert(LastAnswer);
    }
    Ok(answer)
}

/// Makes of a client's request the one that the endpoint gets.
fn outgoing(context: &RequestContext, request: Request<ClientBody>) -> Outgoing {
    let (mut parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    let expectation = Expectation::of(&mut parts, has_body);
    let verdict = expectation.as_ref().map(Expectation::verdict);
    context.forward(&mut parts.headers, None);
    if has_body && body.size_hint().exact().is_none() {
        // Said aloud: hyper would send no body with a GET otherwise.
        parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    } else {
        forward::remove(&mut parts.headers, |name| *name == TRANSFER_ENCODING);
    }
    if context.upstream().settings.keep_alive.is_none() {
        parts.headers.append(CONNECTION, HeaderValue::from_static("close"));
    }
    parts.uri = Uri::from(parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    parts.version = Version::HTTP_11;
    // What stays is how the client spelt its names.
    parts.extensions.remove::<OnUpgrade>();
    let (upload, sent) = Upload::new(body, expectation, context.upload_limits());
    Outgoing { request: Request::from_parts(parts, upload), sent, verdict }
}
