//! Asking one endpoint over HTTP/2: over a stream of a connection that others share.
//!
//! A request that the endpoint says it has left unread (RFC 9113 §8.7) is sent there once more, whatever its method, and then goes to
//! another one: an endpoint that ends says GOAWAY, and is well until then, which costs nothing; one that refuses the stream has too
//! many, so that is paid for as other retries are. So is one that may be repeated where a connection ended that had served others. In
//! each case no more of its body may be gone than was kept.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Request;

use super::asked_endpoint::{EndpointAnswer, OneAsked};
use super::http1_attempts::ask_over_http1;
use super::lateness::Late;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::endpoint::{Carrier, EndpointBody, NoAnswer, StreamAnswer, StreamFailure, Upload};
use crate::http::methods::is_idempotent;
use crate::http::{Fault, Refusal};
use crate::snapshot::Endpoint;

/// A request that has no answer, and what may be done with it.
struct Unanswered {
    /// As it was, if it may be sent once more.
    request: Option<Box<Request<Upload>>>,
    /// Where this endpoint may be asked once more.
    same: Option<SameEndpoint>,
    /// To ask again costs a retry: this one may have read it, or has more than it wants.
    is_read: bool,
    why: Refused,
}

/// How an endpoint may be asked once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameEndpoint {
    /// If it was not asked twice already.
    Once,
    /// If there is a retry for it, too.
    ForRetry,
    /// By the protocol that it wants.
    OverHttp1,
}

/// Asks one endpoint, over whichever connection takes the request.
pub(super) async fn ask_over_http2(
    context: &RequestContext,
    endpoint: &Arc<Endpoint>,
    mut request: Request<Upload>,
    mut late: Pin<&mut impl Future<Output = Late>>,
) -> Result<OneAsked, Refused> {
    let mut is_first = true;
    loop {
        let Unanswered { request: again, same, is_read, why } =
            match ask_once(context, endpoint, request, late.as_mut()).await? {
                Ok(asked) => return Ok(asked),
                Err(unanswered) => unanswered,
            };
        let Some(again) = again else { return Err(why) };
        match same {
            Some(SameEndpoint::OverHttp1) => return ask_over_http1(context, endpoint, *again, late).await,
            Some(SameEndpoint::Once) if is_first => {}
            Some(SameEndpoint::ForRetry) if is_first && context.take_retry() => {}
            Some(SameEndpoint::Once | SameEndpoint::ForRetry) | None => {
                return Ok(OneAsked::Left { request: again, why, is_read });
            }
        }
        (request, is_first) = (*again, false);
    }
}

/// Asks over one connection, and waits for the head of the answer until that is late.
async fn ask_once(
    context: &RequestContext,
    endpoint: &Arc<Endpoint>,
    request: Request<Upload>,
    late: Pin<&mut impl Future<Output = Late>>,
) -> Result<Result<OneAsked, Unanswered>, Refused> {
    let slot = match context.stream_slot(endpoint).await {
        Ok(slot) => slot,
        Err(unreachable) => {
            let request = Box::new(request);
            return Ok(Ok(OneAsked::Left { request, why: unreachable.or_try_the_next()?, is_read: false }));
        }
    };
    let may_be_repeated = is_idempotent(request.method());
    let asked = tokio::select! {
        biased;
        asked = crate::endpoint::ask_over_http2(slot, request, context.upstream().settings.body_timeout) => asked,
        late = late => return Err(late.refused(endpoint)),
    };
    Ok(match asked {
        Ok(StreamAnswer { response, stream }) => Ok(OneAsked::Answered(EndpointAnswer {
            response: response.map(EndpointBody::Http2),
            is_early: stream.is_early(),
            endpoint: Arc::clone(endpoint),
            carrier: Carrier::Stream(stream),
        })),
        Err(no_answer) => Err(unanswered(endpoint, no_answer, may_be_repeated)),
    })
}

/// What may be done with a request that has no answer.
fn unanswered(endpoint: &Endpoint, no_answer: NoAnswer, may_be_repeated: bool) -> Unanswered {
    let NoAnswer { failure, request, was_kept, is_told } = no_answer;
    let same = match &failure {
        StreamFailure::Unread(_) => Some(SameEndpoint::Once),
        StreamFailure::RefusedStream(_) => Some(SameEndpoint::ForRetry),
        StreamFailure::Http1Required => Some(SameEndpoint::OverHttp1),
        _ if failure.is_of_connection() && was_kept => Some(SameEndpoint::Once),
        _ => None,
    };
    let (is_unread, is_read) = (failure.is_unread(), !failure.is_free());
    // One that had to wait for so long waits no longer elsewhere.
    let may_be_repeated = may_be_repeated && !matches!(failure, StreamFailure::Stuck);
    let why = blame(endpoint, failure).told(is_told);
    let is_for_any = is_unread || same == Some(SameEndpoint::OverHttp1);
    let may_go_on = is_for_any || may_be_repeated && why.refusal.fault() == Fault::Upstream;
    let request = request.filter(|_| may_go_on);
    Unanswered { request, same, is_read, why }
}

/// Whose fault it is that there is no answer.
fn blame(endpoint: &Endpoint, failure: StreamFailure) -> Refused {
    let refusal = match failure {
        StreamFailure::Client(broken) => return broken.into(),
        StreamFailure::Untranslatable(_) => Refusal::Untranslatable,
        StreamFailure::Stuck | StreamFailure::Stalled => Refusal::RequestStuck,
        StreamFailure::Nonsense(_) | StreamFailure::Switched => Refusal::BadAnswer,
        StreamFailure::Unread(_)
        | StreamFailure::RefusedStream(_)
        | StreamFailure::Http1Required
        | StreamFailure::Reset(_)
        | StreamFailure::Closed(_)
        | StreamFailure::Dead(_) => Refusal::AnswerLost,
    };
    endpoint.refused(refusal, failure)
}
