//! Why a probe did not pass.

use std::io::{self, ErrorKind};

use http::StatusCode;
use thiserror::Error;

use crate::endpoint::NoHead;
use crate::net::DialError;
use crate::websocket::BadAnswer;

/// Why a probe did not pass.
#[derive(Debug, Error)]
pub(super) enum ProbeFailure {
    /// Nobody is there, and that was said at once.
    #[error("connection refused")]
    Refused,
    /// There is no connection.
    #[error("{0}")]
    NoConnection(io::Error),
    /// No connection came to be in time.
    #[error("no connection within timeout")]
    NoConnectionInTime,
    /// No answer came in time.
    #[error("no answer within timeout")]
    NoAnswerInTime,
    /// The answer has a status that was not expected.
    #[error("status {}", .0.as_u16())]
    Status(StatusCode),
    /// The connection ended before it could be asked.
    #[error("no answer: the endpoint closed the connection")]
    Closed,
    /// The connection ended, or what came is no answer.
    #[error("no answer: {0}")]
    NoAnswer(#[from] hyper::Error),
    /// The same of a request to switch protocols.
    #[error("no answer: {0}")]
    NoHead(#[from] NoHead),
    /// The answer does not open the WebSocket that was asked for.
    #[error(transparent)]
    BadAnswer(#[from] BadAnswer),
    /// It is our own shortage, and says nothing of the endpoint.
    #[error("not probed: {0}")]
    Ours(DialError),
}

impl ProbeFailure {
    /// Whether nobody was there: the next try is as quick.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }

    /// Whether it says something of the endpoint.
    pub(super) fn is_its_fault(&self) -> bool {
        !matches!(self, Self::Ours(_))
    }
}

impl From<DialError> for ProbeFailure {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Failed(error)
                if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) =>
            {
                Self::Refused
            }
            DialError::Failed(error) => Self::NoConnection(error),
            DialError::TimedOut => Self::NoConnectionInTime,
            DialError::OutOfPorts(_) | DialError::Exhausted(_) => Self::Ours(error),
        }
    }
}
