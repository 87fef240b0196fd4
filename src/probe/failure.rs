//! Why a probe did not pass.

use std::io::{self, ErrorKind};

use http::StatusCode;
use thiserror::Error;

use crate::endpoint::NoHead;
use crate::net::{DialError, TlsFailure};
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
    /// There is no TLS over it.
    #[error("no TLS: {0}")]
    NoTls(Box<TlsFailure>),
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
        match self {
            Self::Refused => true,
            // The file of a unix socket.
            Self::NoConnection(error) => error.kind() == ErrorKind::NotFound,
            _ => false,
        }
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
            DialError::TimedOut | DialError::NoneAnswered(_) => Self::NoConnectionInTime,
            DialError::Tls(failure) => Self::NoTls(failure),
            DialError::OutOfPorts(_) | DialError::Exhausted(_) => Self::Ours(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::config::{EndpointAddress, ResolverSettings, UnixAddress};
    use crate::net::{ConnectOptions, Network, dial};

    #[tokio::test]
    async fn who_is_not_there_refuses_and_whose_name_cannot_be_looked_up_has_not_been_asked() {
        let second = std::time::Duration::from_secs(1);
        // Nobody listens there, for DNS neither.
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let names = ResolverSettings { servers: vec![nobody], min_ttl: second, max_ttl: second, timeout: second };
        let network = Network::of_the_system(names);
        let folder = tempfile::tempdir().unwrap();
        for (address, is_refused) in [
            (EndpointAddress::Socket(nobody), true),
            (EndpointAddress::Unix(UnixAddress::Path(folder.path().join("no.sock"))), true),
            (EndpointAddress::Name("app.test".to_owned(), 80), false),
        ] {
            let dialled = dial(&network, &address, &ConnectOptions::default(), 20 * second).await;
            let failure = ProbeFailure::from(dialled.map(drop).unwrap_err());
            assert_eq!((failure.is_refused(), failure.is_its_fault()), (is_refused, true), "{failure}");
        }
    }
}
