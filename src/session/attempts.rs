//! Asking the endpoints that a plain request is meant for, best first, until one has taken it.
//!
//! A request goes to one endpoint only; it tries another, or another connection, as long as nothing of it was sent. One that may
//! be repeated (RFC 9110 §9.2.2) leaves an endpoint that loses it, or answers with nonsense, for the next best, as long as not too many
//! do (`retry`).

use std::future::Future;
use std::pin::Pin;

use http::Request;
use http_body::Body;

use super::asked_endpoint::{EndpointAnswer, OneAsked};
use super::http1_attempts::ask_over_http1;
use super::http2_attempts::ask_over_http2;
use super::lateness::Late;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::balance::Affinity;
use crate::config::EndpointProtocol;
use crate::endpoint::Upload;
use crate::health::Asked;
use crate::http::{Refusal, binding};
use crate::snapshot::Endpoint;

/// Asks the endpoints that the request is meant for, best first, until one has taken it; none may answer after `late` has ended.
pub(super) async fn ask_best(
    context: &RequestContext,
    mut request: Request<Upload>,
    affinity: &Affinity,
    mut late: Pin<&mut impl Future<Output = Late>>,
) -> Result<EndpointAnswer, Refused> {
    context.upstream().retries.note_request();
    let (mut refused, mut readers, mut was_read) = (Refused::from(Refusal::NoEndpoint), 0, false);
    let picks = context.upstream().picks(affinity, Asked::Exchange);
    // A client may take its time with a body, and an endpoint that waits for its verdict would wait with it.
    let picks = if request.body().is_end_stream() { picks } else { picks.without_trials() };
    for pick in picks {
        if was_read && !context.take_retry() {
            break;
        }
        context.set_host(request.headers_mut(), pick.endpoint);
        context.begin_call(&context.summary.method, request.headers_mut(), pick.endpoint);
        let asked = match protocol(context, pick.endpoint, &request) {
            EndpointProtocol::Http1 => ask_over_http1(context, pick.endpoint, request, late.as_mut()).await,
            EndpointProtocol::Http2 => ask_over_http2(context, pick.endpoint, request, late.as_mut()).await,
        };
        context.end_call(match &asked {
            Ok(OneAsked::Answered(answered)) => Ok(answered.response.status()),
            Ok(OneAsked::Left { why, .. }) | Err(why) => Err(why),
        });
        match &asked {
            Ok(OneAsked::Answered(_)) => context.note_success(pick, Asked::Exchange),
            Ok(OneAsked::Left { why, .. }) | Err(why) => context.note_refused(pick, Asked::Exchange, why),
        }
        match asked? {
            OneAsked::Answered(answered) => return Ok(answered),
            OneAsked::Left { request: left, why, is_read } => {
                (request, refused) = (*left, why);
                was_read = is_read;
                readers += usize::from(is_read);
            }
        }
        if readers >= MOST_ASKED {
            break;
        }
    }
    Err(refused)
}

/// What an endpoint is asked over. Who authenticates a connection needs one of its own (`binding`), and finds it again.
fn protocol(context: &RequestContext, endpoint: &Endpoint, request: &Request<Upload>) -> EndpointProtocol {
    match context.upstream().settings.protocol {
        EndpointProtocol::Http2 if binding::is_step(request.headers()) || context.has_owned(endpoint) => {
            EndpointProtocol::Http1
        }
        protocol => protocol,
    }
}

/// How many endpoints one request may be read by: with more, a few requests that break whoever reads them would break many.
pub(super) const MOST_ASKED: usize = 3;
