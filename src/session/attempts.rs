//! Asking the endpoints that a plain request is meant for, best first, until one has taken it.
//!
//! A request goes to one endpoint only; it tries another, or another connection, as long as nothing of it was sent. One that may
//! be repeated (RFC 9110 §9.2.2) is asked once more where a connection that had been kept ended under it without a word, and
//! leaves an endpoint that loses it, or answers with nonsense, for the next best.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Request;
use http_body::Body;

use super::placement::reach;
use super::refused::{EndpointFault, Refused};
use super::request_context::RequestContext;
use crate::balance::Affinity;
use crate::endpoint::{
    Answer, BrokenUpload, EndpointConnection, HasBody, Unanswered, Upload, UploadProgress, has_closed,
};
use crate::health::Asked;
use crate::http::methods::is_idempotent;
use crate::http::{Fault, Refusal};
use crate::snapshot::Endpoint;

/// The head of an answer, and who gave it.
pub(super) struct EndpointAnswer {
    pub(super) answer: Answer,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) connection: EndpointConnection<Upload>,
}

/// What came of asking once, where it is no refusal.
enum Attempt {
    Answered(EndpointAnswer),
    Retry(Retry),
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

/// What came of asking one endpoint, where it is no refusal.
enum OneAsked {
    Answered(EndpointAnswer),
    /// It is left for another one, as in [`Retry::NextEndpoint`].
    Left {
        request: Request<Upload>,
        why: Refused,
        is_read: bool,
    },
}

/// A request that may be repeated, while it is asked over a connection that may be ending.
struct Spare {
    head: Request<()>,
    has_body: HasBody,
    progress: Arc<UploadProgress>,
}

/// Asks the endpoints that the request is meant for, best first, until one has taken it; none may answer after `late` has ended.
pub(super) async fn ask_best(
    context: &RequestContext,
    mut request: Request<Upload>,
    affinity: &Affinity,
    mut late: Pin<&mut impl Future<Output = ()>>,
) -> Result<EndpointAnswer, Refused> {
    let (mut refused, mut readers) = (Refused::from(Refusal::NoEndpoint), 0);
    let picks = context.upstream().picks(affinity, Asked::Exchange);
    // A client may take its time with a body, and an endpoint that waits for its verdict would wait with it.
    let picks = if request.body().is_end_stream() { picks } else { picks.without_trials() };
    for pick in picks {
        let asked = ask_one(context, pick.endpoint, request, late.as_mut()).await;
        match &asked {
            Ok(OneAsked::Answered(_)) => context.note_success(pick, Asked::Exchange),
            Ok(OneAsked::Left { why, .. }) | Err(why) => context.note_refused(pick, Asked::Exchange, why),
        }
        match asked? {
            OneAsked::Answered(answered) => return Ok(answered),
            OneAsked::Left { request: left, why, is_read } => {
                (request, refused) = (left, why);
                readers += usize::from(is_read);
            }
        }
        if readers >= MOST_ASKED {
            break;
        }
    }
    Err(refused)
}

/// Asks one endpoint, over whichever of its connections takes the request.
async fn ask_one(
    context: &RequestContext,
    endpoint: &Arc<Endpoint>,
    request: Request<Upload>,
    mut late: Pin<&mut impl Future<Output = ()>>,
) -> Result<OneAsked, Refused> {
    let mut retry = Retry::AnyConnection(request);
    loop {
        let attempt = match retry {
            Retry::AnyConnection(request) => match context.rested(endpoint) {
                Some(rested) => ask_rested(rested, request, endpoint, late.as_mut()).await?,
                None => ask_anew(context, request, endpoint, late.as_mut()).await?,
            },
            Retry::NewConnection(request) => ask_anew(context, request, endpoint, late.as_mut()).await?,
            Retry::NextEndpoint { request, why, is_read } => return Ok(OneAsked::Left { request, why, is_read }),
        };
        match attempt {
            Attempt::Answered(answered) => return Ok(OneAsked::Answered(answered)),
            Attempt::Retry(next) => retry = next,
        }
    }
}

/// Asks over a connection that has rested, and may have ended meanwhile.
async fn ask_rested(
    connection: EndpointConnection<Upload>,
    mut request: Request<Upload>,
    endpoint: &Arc<Endpoint>,
    late: Pin<&mut impl Future<Output = ()>>,
) -> Result<Attempt, Refused> {
    let spare = Spare::of(&request);
    request.body_mut().come_back(spare.is_some());
    match send(connection, request, endpoint, late).await? {
        Ok(answered) => Ok(Attempt::Answered(answered)),
        Err(Unanswered::Returned(request)) => Ok(Attempt::Retry(Retry::AnyConnection(*request))),
        Err(Unanswered::Silent(error)) => match spare.and_then(Spare::into_request) {
            Some(request) => Ok(Attempt::Retry(Retry::NewConnection(request))),
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
    late: Pin<&mut impl Future<Output = ()>>,
) -> Result<Attempt, Refused> {
    let stream = match reach(context, endpoint).await {
        Ok(stream) => stream,
        Err(unreachable) => return Ok(Attempt::left(request, unreachable.or_try_the_next()?, false)),
    };
    let body_timeout = context.upstream().settings.body_timeout;
    let connection = EndpointConnection::open(stream, body_timeout).await.map_err(|error| blame(endpoint, error))?;
    let spare = Spare::of(&request);
    request.body_mut().come_back(spare.is_some());
    match send(connection, request, endpoint, late).await? {
        Ok(answered) => Ok(Attempt::Answered(answered)),
        Err(Unanswered::Returned(request)) => {
            let refused = endpoint.refused(Refusal::AnswerLost, EndpointFault::ClosedAtOnce);
            Ok(Attempt::left(*request, refused, false))
        }
        Err(Unanswered::Silent(error) | Unanswered::Lost(error)) => lost(endpoint, error, spare),
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
    late: Pin<&mut impl Future<Output = ()>>,
) -> Result<Result<EndpointAnswer, Unanswered<Upload>>, Refused> {
    let answer = tokio::select! {
        biased;
        answer = connection.send(request) => answer,
        () = late => return Err(endpoint.refused(Refusal::HeadTimeout, EndpointFault::ResponseTimeout)),
    };
    Ok(answer.map(|answer| EndpointAnswer { answer, endpoint: Arc::clone(endpoint), connection }))
}

impl Attempt {
    fn left(request: Request<Upload>, why: Refused, is_read: bool) -> Self {
        Self::Retry(Retry::NextEndpoint { request, why, is_read })
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
    let refusal = match cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        _ if has_closed(&error) => Refusal::AnswerLost,
        Some(_) => Refusal::RequestStuck,
        None => Refusal::BadAnswer,
    };
    endpoint.refused(refusal, error)
}

/// How many endpoints one request may be read by: with more, a few requests that break whoever reads them would break many.
pub(super) const MOST_ASKED: usize = 3;
