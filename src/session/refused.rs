//! Why a request is refused: a value, answered and logged.

use thiserror::Error;

use crate::config::EndpointName;
use crate::endpoint::{BrokenUpload, NoHead, Unanswered};
use crate::http::Refusal;
use crate::net::DialError;
use crate::snapshot::{Endpoint, Lease};
use crate::websocket::BadAnswer;

/// Why a request was refused, and what the log may say beyond that.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) cause: Option<RefusalCause>,
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
    Http(#[from] hyper::Error),
    #[error(transparent)]
    NoHead(#[from] NoHead),
    #[error(transparent)]
    BadHandshake(#[from] BadAnswer),
    #[error("the answer does not switch to {0}")]
    NotSwitched(String),
    #[error("a 101 that nobody asked for")]
    UnaskedSwitch,
    #[error("a Content-Length that is no length")]
    BadLength,
    #[error("a Transfer-Encoding other than chunked")]
    BadTransferEncoding,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, cause: None }
    }
}

impl<B> From<Unanswered<B>> for EndpointFault {
    fn from(unanswered: Unanswered<B>) -> Self {
        match unanswered {
            Unanswered::Returned(_) => Self::Ended,
            Unanswered::Silent(error) | Unanswered::Lost(error) => Self::Http(error),
        }
    }
}

impl From<BrokenUpload> for Refused {
    fn from(broken: BrokenUpload) -> Self {
        let refusal = match broken {
            BrokenUpload::Stalled => Refusal::RequestTimeout,
            BrokenUpload::Lost => Refusal::BrokenBody,
        };
        Self { refusal, cause: Some(broken.into()) }
    }
}

impl Endpoint {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, fault: impl Into<EndpointFault>) -> Refused {
        let cause = RefusalCause::Endpoint { name: self.name.clone(), fault: fault.into() };
        Refused { refusal, cause: Some(cause) }
    }
}

impl Lease {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, fault: impl Into<EndpointFault>) -> Refused {
        self.endpoint().refused(refusal, fault)
    }
}
