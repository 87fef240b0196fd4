//! Why a request is refused: a value, answered and logged.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use thiserror::Error;

use crate::authorize::AuthFailure;
use crate::config::EndpointName;
use crate::endpoint::{BrokenUpload, NoHead, NotOpened, StreamFailure, Unanswered};
use crate::http::Refusal;
use crate::judge::Flaw;
use crate::net::{DialError, flaw_of};
use crate::snapshot::{Endpoint, Lease};
use crate::websocket::BadAnswer;

/// Why a request was refused, and what the log may say beyond that.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) cause: Option<RefusalCause>,
    /// The endpoint's health was told of it already: what ends a connection that requests share is one failure.
    pub(super) is_told: bool,
    /// What the client gets, where somebody else has said it; `None`: what we say.
    pub(super) answer: Option<Box<Response<Bytes>>>,
}

/// What happened, for the operator: it may name endpoints, which the client must not read.
#[derive(Debug, Error)]
pub(super) enum RefusalCause {
    /// The client's body did not come.
    #[error(transparent)]
    Upload(#[from] BrokenUpload),
    /// Nobody has said whether it may enter.
    #[error("authorize: {0}")]
    Authorize(#[from] AuthFailure),
    /// What page it comes from.
    #[error("the page is of {0}, which `allowed_origins` does not name")]
    Origin(String),
    /// Something went wrong with an endpoint.
    #[error("endpoint {name}: {fault}")]
    Endpoint {
        name: EndpointName,
        #[source]
        fault: EndpointFault,
    },
}

/// What went wrong with an endpoint.
#[derive(Debug, Error)]
pub(super) enum EndpointFault {
    #[error(transparent)]
    NotReached(#[from] DialError),
    #[error("no answer within response_timeout")]
    ResponseTimeout,
    #[error("no answer within request_timeout")]
    RequestTimeout,
    #[error("it closed a new connection")]
    ClosedAtOnce,
    #[error("the connection had ended")]
    Ended,
    #[error(transparent)]
    Http(hyper::Error),
    #[error(transparent)]
    NotOpened(#[from] Arc<NotOpened>),
    #[error(transparent)]
    Stream(#[from] StreamFailure),
    #[error(transparent)]
    NoHead(#[from] NoHead),
    #[error(transparent)]
    BadHandshake(#[from] BadAnswer),
    #[error("the answer does not switch to {0}")]
    NotSwitched(String),
    #[error("the answer to a WebSocket is {0}: it does not switch, and to a client of HTTP/2 would look as if it did")]
    NoSwitch(StatusCode),
    #[error("a 101 that nobody asked for")]
    UnaskedSwitch,
    #[error(transparent)]
    Flawed(#[from] Flaw),
    #[error("a Content-Length that is no length")]
    BadLength,
    #[error("a Transfer-Encoding other than chunked")]
    BadTransferEncoding,
}

impl Refused {
    /// Somebody who was asked has given this answer to the client.
    pub(super) fn by_answer(refusal: Refusal, answer: Response<Bytes>) -> Self {
        Self { answer: Some(Box::new(answer)), ..refusal.into() }
    }

    /// The status that the client reads.
    pub(super) fn status(&self) -> StatusCode {
        self.answer.as_ref().map_or(self.refusal.status(), |answer| answer.status())
    }

    /// The same, of which the endpoint's health was told already if `is_told`.
    pub(super) fn told(self, is_told: bool) -> Self {
        Self { is_told, ..self }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, cause: None, is_told: false, answer: None }
    }
}

impl From<hyper::Error> for EndpointFault {
    fn from(error: hyper::Error) -> Self {
        flaw_of(&error).map_or(Self::Http(error), Self::Flawed)
    }
}

impl<B> From<Unanswered<B>> for EndpointFault {
    fn from(unanswered: Unanswered<B>) -> Self {
        match unanswered {
            Unanswered::Returned(_) => Self::Ended,
            Unanswered::Silent(error) | Unanswered::Lost(error) => Self::from(error),
        }
    }
}

impl From<AuthFailure> for Refused {
    fn from(failure: AuthFailure) -> Self {
        let refusal = if failure.is_late() { Refusal::AuthorizeTimeout } else { Refusal::AuthorizeFailed };
        Self { cause: Some(failure.into()), ..refusal.into() }
    }
}

impl From<BrokenUpload> for Refused {
    fn from(broken: BrokenUpload) -> Self {
        let refusal = match broken {
            BrokenUpload::Stalled => Refusal::RequestTimeout,
            BrokenUpload::Lost => Refusal::BrokenBody,
            BrokenUpload::TooLarge => Refusal::BodyTooLarge,
            BrokenUpload::Flawed(flaw) => Refusal::of_body(flaw),
        };
        Self { refusal, cause: Some(broken.into()), is_told: false, answer: None }
    }
}

impl Endpoint {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, fault: impl Into<EndpointFault>) -> Refused {
        let cause = RefusalCause::Endpoint { name: self.name.clone(), fault: fault.into() };
        Refused { refusal, cause: Some(cause), is_told: false, answer: None }
    }
}

impl Lease {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, fault: impl Into<EndpointFault>) -> Refused {
        self.endpoint().refused(refusal, fault)
    }
}
