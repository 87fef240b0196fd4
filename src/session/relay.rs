//! An endpoint's answer, made into the one that the client gets.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode, Version};

use super::body::AnswerBody;
use super::end::End;
use super::exchange_record::ExchangeRecord;
use super::refused::{EndpointFault, Refused};
use crate::authorize::put;
use crate::endpoint::{EndpointBody, Reuse};
use crate::http::length::{BadLength, settle_length};
use crate::http::{Refusal, forward};
use crate::snapshot::Endpoint;

/// Makes of an endpoint's answer the one that the client gets, with what is `added`; `reuse` is what becomes of its connection afterwards.
pub(super) fn relay(
    response: Response<EndpointBody>,
    endpoint: &Endpoint,
    reuse: Reuse,
    mut record: ExchangeRecord,
    added: &HeaderMap,
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
    put(&mut parts.headers, added);
    parts.version = Version::HTTP_11;
    let body = AnswerBody::relayed(body, &parts.headers, reuse, record);
    Ok(Response::from_parts(parts, body))
}

/// Whether an answer can be passed on; its length is settled.
fn check_answer(answer: &mut http::response::Parts) -> Result<(), EndpointFault> {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(EndpointFault::UnaskedSwitch);
    }
    let mut codings = answer.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        // hyper takes `2, 2`, would pass it on, and looks at no length of an answer to HEAD.
        (None, _) => settle_length(&mut answer.headers).map(|_| ()).map_err(|BadLength| EndpointFault::BadLength),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        // The client would get the body in a coding that it is not told of.
        _ => Err(EndpointFault::BadTransferEncoding),
    }
}
