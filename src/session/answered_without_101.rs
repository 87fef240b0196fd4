//! An upgrade that the endpoint answered with something else than a 101: its answer goes to the client as it is, and the
//! client's connection stays HTTP.

use std::sync::Arc;

use http::{HeaderMap, Method, Response};

use super::body::AnswerBody;
use super::exchange_record::ExchangeRecord;
use super::placement::Placed;
use super::refused::{EndpointFault, Refused};
use super::relay::relay;
use super::request_context::RequestContext;
use crate::endpoint::{Answer, EndpointBody, Reuse, SwitchAnswer, Unanswered, Upload, UploadProgress, read_answer};
use crate::http::Refusal;

/// Passes the endpoint's answer on; `upload` is how far the request's body got. The connection ends with the answer, unless it
/// is the client's own and has all of the request: the next one would stand in the body of this.
pub(super) async fn pass_on(
    context: &RequestContext,
    method: Method,
    Placed { lease, stream, is_owned, .. }: Placed,
    SwitchAnswer { read, is_early, .. }: SwitchAnswer,
    upload: Arc<UploadProgress>,
    added: &HeaderMap,
) -> Result<Response<AnswerBody>, Refused> {
    let nonsense = |bad: Unanswered<Upload>| match EndpointFault::from(bad) {
        EndpointFault::Flawed(flaw) => lease.refused(Refusal::of_answer(flaw), flaw),
        other => lease.refused(Refusal::BadAnswer, other),
    };
    let body_timeout = context.upstream().settings.body_timeout;
    let record = ExchangeRecord::new(context, upload);
    let (mut connection, answer) = read_answer(stream, read, &method, body_timeout).await.map_err(nonsense)?;
    let Answer { response, .. } = answer;
    let (head, body) = response.into_parts();
    let reuse = if is_owned && !is_early {
        connection.note_owned();
        Reuse::of(context.slot(lease.endpoint()), connection, &method, &head)
    } else {
        Reuse::Close(connection.into_task())
    };
    let head = Response::from_parts(head, EndpointBody::Http1(body));
    let mut answer = relay(head, lease.endpoint(), reuse, record, added)?;
    context.change_response(answer.headers_mut());
    Ok(answer)
}
