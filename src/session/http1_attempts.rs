//! Asking one endpoint over HTTP/1.1: over a connection that has rested, or over a new one.
//!
//! A request that may be repeated (RFC 9110 §9.2.2) is asked once more where a connection that had been kept ended under it without a
//! word.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Request;
use http_body::Body;

use super::asked_endpoint::{EndpointAnswer, OneAsked};
use super::lateness::Late;
use super::placement::reach;
use super::refused::{EndpointFault, Refused};
use super::request_context::RequestContext;
use crate::endpoint::{
    Answer, BrokenUpload, Carrier, EndpointBody, EndpointConnection, HasBody, Unanswered, Upload, UploadProgress,
    has_closed,
};
use crate::http::methods::is_idempotent;
use crate::http::{Fault, Refusal};
use crate::net::flaw_of;
use crate::snapshot::Endpoint;

/// What came of asking once, where it is no refusal.
#[expect(clippy::large_enum_variant, reason = "an answer is the usual case, and is not boxed for the rare one")]
enum Attempt {
    Answered(EndpointAnswer),
    Retry(Box<Retry>),
}

/// A request that nobody has taken, and where it may go now.
enum Retry {
    /// Nothing of it was sent: over any other connection.
    AnyConnection(Request<Upload>),
    /// A connection that had rested ended under it without a word, and another may do so, too: over a new one.
    NewConnection(Request<Upload>),
    /// To another endpoint.
    NextEndpoint {
        request: Request<Upload>,
        /// If there is none, this is why it is refused.
        why: Refused,
        /// This one may have read it.
        is_read: bool,
    },
}

/// A request that may be repeated, while it is asked over a connection that may be ending.
struct Spare {
    head: Request<()>,
    has_body: HasBody,
    progress: Arc<UploadProgress>,
}

/// Asks one endpoint, over whichever of its connections takes the request.
pub(super) async fn ask_over_http1(
    context: &RequestContext,
    endpoint: &Arc<Endpoint>,
    request: Request<Upload>,
    mut late: Pin<&mut impl Future<Output = Late>>,
) -> Result<OneAsked, Refused> {
    let mut retry = Retry::AnyConnection(request);
    loop {
        let attempt = match retry {
            Retry::AnyConnection(request) => match context.rested(endpoint) {
                Some(rested) => ask_rested(rested, request, endpoint, late.as_mut()).await?,
                None => ask_anew(context, request, endpoint, late.as_mut()).await?,
            },
            Retry::NewConnection(request) => ask_anew(context, request, endpoint, late.as_mut()).await?,
            Retry::NextEndpoint { request, why, is_read } => {
                return Ok(OneAsked::Left { request: Box::new(request), why, is_read });
            }
        };
        match attempt {
            Attempt::Answered(answered) => return Ok(OneAsked::Answered(answered)),
            Attempt::Retry(next) => retry = *next,
        }
    }
}

/// Asks over a connection that has rested, and may have ended meanwhile.
async fn ask_rested(
    connection: EndpointConnection<Upload>,
    mut request: Request<Upload>,
    endpoint: &Arc<Endpoint>,
    late: Pin<&mut impl Future<Output = Late>>,
) -> Result<Attempt, Refused> {
    let spare = Spare::of(&request);
    request.body_mut().come_back(spare.is_some());
    match send(connection, request, endpoint, late).await? {
        Ok(answered) => Ok(Attempt::Answered(answered)),
        Err(Unanswered::Returned(request)) => Ok(Attempt::Retry(Box::new(Retry::AnyConnection(*request)))),
        Err(Unanswered::Silent(error)) => match spare.and_then(Spare::into_request) {
            Some(request) => Ok(Attempt::Retry(Box::new(Retry::NewConnection(request)))),
            None => Err(blame(endpoint, error)),
        },
        Err(Unanswered::Lost(error)) => lost(endpoint, error, spare),
    }
}

/// Asks over a new connection: the last try with this endpoint.
async fn ask_anew(
    context: &RequestContext,
    mut request: Request<Upload>,
    endpoint: &Arc<Endpoint>,
    late: Pin<&mut impl Future<Output = Late>>,
) -> Result<Attempt, Refused> {
    let stream = match reach(context, endpoint).await {
        Ok(stream) => stream,
        Err(unreachable) => return Ok(Attempt::left(request, unreachable.or_try_the_next()?, false)),
    };
    let body_timeout = context.upstream().settings.body_timeout;
    let mut connection =
        EndpointConnection::open(stream, body_timeout).await.map_err(|error| blame(endpoint, error))?;
    if context.has_own_connections() {
        connection.note_owned();
    }
    let spare = Spare::of(&request);
    request.body_mut().come_back(spare.is_some());
    match send(connection, request, endpoint, late).await? {
        Ok(answered) => Ok(Attempt::Answered(answered)),
        Err(Unanswered::Returned(request)) => {
            let refused = endpoint.refused(Refusal::AnswerLost, EndpointFault::ClosedAtOnce);
            Ok(Attempt::left(*request, refused, false))
        }
        Err(Unanswered::Silent(error) | Unanswered::Lost(error)) => {
            context.note_broken_tls(endpoint, &error);
            lost(endpoint, error, spare)
        }
    }
}

/// A request that an endpoint has lost: another one is asked, if that may be done.
fn lost(endpoint: &Endpoint, error: hyper::Error, spare: Option<Spare>) -> Result<Attempt, Refused> {
    let refused = blame(endpoint, error);
    if refused.refusal.fault() != Fault::Upstream {
        return Err(refused);
    }
    match spare.and_then(Spare::into_request) {
        Some(request) => Ok(Attempt::left(request, refused, true)),
        None => Err(refused),
    }
}

/// Sends the request over one connection, and waits for the head of the answer until that is late.
async fn send(
    mut connection: EndpointConnection<Upload>,
    request: Request<Upload>,
    endpoint: &Arc<Endpoint>,
    late: Pin<&mut impl Future<Output = Late>>,
) -> Result<Result<EndpointAnswer, Unanswered<Upload>>, Refused> {
    let answer = tokio::select! {
        biased;
        answer = connection.send(request) => answer,
        late = late => return Err(late.refused(endpoint)),
    };
    Ok(answer.map(|Answer { response, is_early }| EndpointAnswer {
        response: response.map(EndpointBody::Http1),
        is_early,
        endpoint: Arc::clone(endpoint),
        carrier: Carrier::Connection(connection),
    }))
}

impl Attempt {
    fn left(request: Request<Upload>, why: Refused, is_read: bool) -> Self {
        Self::Retry(Box::new(Retry::NextEndpoint { request, why, is_read }))
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

/// Whose fault it is that there is no answer.
fn blame(endpoint: &Endpoint, error: hyper::Error) -> Refused {
    let cause = error.source();
    if let Some(broken) = cause.and_then(|cause| cause.downcast_ref::<BrokenUpload>()) {
        return Refused::from(*broken);
    }
    if let Some(flaw) = flaw_of(&error) {
        return endpoint.refused(Refusal::of_answer(flaw), flaw);
    }
    let refusal = match cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        _ if has_closed(&error) => Refusal::AnswerLost,
        Some(_) => Refusal::RequestStuck,
        None => Refusal::BadAnswer,
    };
    endpoint.refused(refusal, error)
}
