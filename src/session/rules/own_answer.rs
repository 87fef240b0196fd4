//! The answers of routes that ask no endpoint: where a client is sent instead, or what it reads.
//!
//! An upgrade gets the same. The connection stays as it is; what the client still sends of a body is read, or not, as with any answer.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use http_body_util::Full;

use crate::config::RespondSettings;
use crate::grammar::{Authority, members};
use crate::health::Asked;
use crate::http::Refusal;
use crate::http::forward::Trust;
use crate::http::unclean::Unclean;
use crate::rules::{Leads, Redirect, RequestedPlace};
use crate::session::access_log;
use crate::session::body::AnswerBody;
use crate::session::refused::Refused;
use crate::session::request_context::RequestContext;
use crate::session::served::{LastAnswer, Served};

/// Sends the client elsewhere.
pub(in crate::session) fn redirect(
    context: &RequestContext,
    parts: &Parts,
    redirect: &Redirect,
) -> Result<Served, Refused> {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // A client of HTTP/1.0 may name no host: then it can be sent to another one only.
    let authority = match Authority::parse(host) {
        Some(authority) => authority,
        None if redirect.host.is_some() => Authority { host: "", port: None },
        None => return Err(Refusal::Unclean(Unclean::NoHost).into()),
    };
    let asked = RequestedPlace {
        scheme: scheme(context, &parts.headers),
        authority,
        path: parts.uri.path(),
        query: parts.uri.query(),
    };
    match redirect.of(asked, &context.route.settings.path) {
        Leads::Back => Err(Refusal::RedirectLoop.into()),
        Leads::To(place) => {
            let text = Bytes::from(format!("{} {}\n", redirect.status.as_str(), place.to_str().unwrap_or_default()));
            let headers = [(LOCATION, place), (http::header::CONTENT_TYPE, TEXT)];
            Ok(answered(context, parts, redirect.status, headers.into_iter().collect(), text))
        }
    }
}

/// Answers as the route says.
pub(in crate::session) fn respond(
    context: &RequestContext,
    parts: &Parts,
    asked: Asked,
    (settings, body): (&RespondSettings, &Bytes),
) -> Result<Served, Refused> {
    if asked == Asked::Upgrade && parts.version == Version::HTTP_2 && settings.status.is_success() {
        // Over HTTP/2 the client would take it for an open tunnel (RFC 8441 §5).
        return Err(Refusal::ProtocolNotServed.into());
    }
    let headers = settings.headers.iter().cloned().collect();
    Ok(answered(context, parts, settings.status, headers, body.clone()))
}

/// The answer, which has its line.
pub(in crate::session) fn answered(
    context: &RequestContext,
    parts: &Parts,
    status: StatusCode,
    mut headers: HeaderMap,
    body: Bytes,
) -> Served {
    context.change_response(&mut headers);
    let has_length = ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    if has_length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let sent = if parts.method == Method::HEAD || !has_length { Bytes::new() } else { body };
    access_log::answered(context, status, sent.len());
    let mut response = Response::new(AnswerBody::own(Full::new(sent)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if parts.headers.contains_key(EXPECT) {
        // The client may send its body all the same, and nobody will read it (RFC 9110 §10.1.1).
        response.extensions_mut().insert(LastAnswer);
    }
    Served::Answered(response)
}

/// How the client has asked: of whom, a trusted proxy that has taken its TLS off may know better.
fn scheme(context: &RequestContext, headers: &HeaderMap) -> &'static str {
    // Of several the first is of who came first, the client.
    let said = members(headers, &X_FORWARDED_PROTO).next().filter(|_| context.arrival.trust == Trust::Trusted);
    let known = said.and_then(|said| ["https", "http"].into_iter().find(|it| said.eq_ignore_ascii_case(it.as_bytes())));
    known.unwrap_or(context.arrival.scheme.as_str())
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
