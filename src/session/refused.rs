//! Why a request is refused: a value, answered and logged.

use std::sync::Arc;

use http::StatusCode;
use thiserror::Error;

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
}

/// What happened, for the operator: it may name endpoints, which the client must not read.
#[derive(Debug, Error)]
pub(super) enum RefusalCause {
    /// The client's body did not come.
    #[error(transparent)]
    Upload(#[from] BrokenUpload),
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
    /// The same, of which the endpoint's health was told already if `is_told`.
    pub(super) fn told(self, is_told: bool) -> Self {
        Self { is_told, ..self }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, cause: None, is_told: false }
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

impl From<BrokenUpload> for Refused {
    fn from(broken: BrokenUpload) -> Self {
        let refusal = match broken {
            BrokenUpload::Stalled => Refusal::RequestTimeout,
            BrokenUpload::Lost => Refusal::BrokenBody,
            BrokenUpload::TooLarge => Refusal::BodyTooLarge,
            BrokenUpload::Flawed(flaw) => Refusal::of_body(flaw),
        };
        Self { refusal, cause: Some(broken.into()), is_told: false }
    }
}

impl Endpoint {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, fault: impl Into<EndpointFault>) -> Refused {
        let cause = RefusalCause::Endpoint { name: self.name.clone(), fault: fault.into() };
        Refused { refusal, cause: Some(cause), is_told: false }
    }
}

impl Lease {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, fault: impl Into<EndpointFault>) -> Refused {
        self.endpoint().refused(refusal, fault)
    }
}
