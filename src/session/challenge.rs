//! A directory that looks over plain HTTP whether a name is ours: it is answered before any route is looked for.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use http_body_util::Full;

use super::body::AnswerBody;
use super::context::Session;
use crate::acme::is_challenge;
use crate::http::forward::Scheme;
use crate::http::reader::Reader;

/// The answer to a request that is such a question, while it is under way; any other goes on.
pub(super) fn answer(session: &Session, parts: &Parts, reader: &Reader) -> Option<Response<AnswerBody>> {
    if session.scheme != Scheme::Http || !is_challenge(parts.uri.path()) || parts.method != Method::GET {
        return None;
    }
    let host = (reader.check)(parts).ok()?.host.to_owned();
    let text = session.proxy.challenges.answer(&host, parts.uri.path())?;
    let (listener, client) = (&session.listener.settings.name, session.peer.ip());
    tracing::debug!(%listener, %client, name = host, "a directory looks whether the name is ours, and is answered");
    let mut response = Response::new(AnswerBody::own(Full::new(Bytes::from(text))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Some(response)
}
