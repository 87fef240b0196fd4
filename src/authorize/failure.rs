//! Why nobody has said whether a request may enter.

use http::StatusCode;
use thiserror::Error;

use super::verdict::Nonsense;
use crate::endpoint::Unanswered;
use crate::net::{DialError, TlsFailure};

/// Why nobody has said whether a request may enter; for the operator.
#[derive(Debug, Error)]
pub enum AuthFailure {
    /// Too many ask already.
    #[error("too many wait for an answer already")]
    Busy,
    /// It took longer than it may.
    #[error("no answer in time")]
    TimedOut,
    /// There is no connection.
    #[error(transparent)]
    NotReached(#[from] DialError),
    /// Its server shows the certificate of an issuer as its own. No `fingerprints` are for it, as there are for endpoints.
    #[error(
        "no TLS: its certificate is that of an issuer (CA:TRUE), which may issue others and is nobody's own: have one issued for it"
    )]
    IssuerAsOwn,
    /// Connections are closed.
    #[error("the connection was closed")]
    Closed,
    /// No answer, or half of one.
    #[error(transparent)]
    NoAnswer(#[from] hyper::Error),
    /// The head of an answer, and less than its body.
    #[error("{why}")]
    Half {
        /// What the head says.
        status: StatusCode,
        /// Why the rest did not come.
        why: Box<Self>,
    },
    /// A refusal that is longer than what is passed on.
    #[error("its refusal is longer than what is passed on")]
    TooLong,
    /// An answer that says neither.
    #[error(transparent)]
    Nonsense(#[from] Nonsense),
}

impl AuthFailure {
    /// Whether it is only that it took too long.
    pub fn is_late(&self) -> bool {
        if let Self::Half { why, .. } = self {
            return why.is_late();
        }
        matches!(self, Self::TimedOut | Self::NotReached(DialError::TimedOut | DialError::NoneAnswered(_)))
    }
}

impl From<TlsFailure> for AuthFailure {
    fn from(failure: TlsFailure) -> Self {
        match failure {
            TlsFailure::IssuerAsOwn => Self::IssuerAsOwn,
            failure => Self::NotReached(DialError::Tls(Box::new(failure))),
        }
    }
}

impl<B> From<Unanswered<B>> for AuthFailure {
    fn from(unanswered: Unanswered<B>) -> Self {
        match unanswered {
            Unanswered::Returned(_) => Self::Closed,
            Unanswered::Silent(error) | Unanswered::Lost(error) => Self::NoAnswer(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_late_where_the_rest_of_it_is() {
        let half = |why| AuthFailure::Half { status: StatusCode::OK, why: Box::new(why) };
        assert!(half(AuthFailure::TimedOut).is_late() && !half(AuthFailure::Closed).is_late());
        assert_eq!(half(AuthFailure::Closed).to_string(), AuthFailure::Closed.to_string());
    }

    #[test]
    fn nobody_is_sent_to_a_list_of_fingerprints_that_there_is_not() {
        assert!(TlsFailure::IssuerAsOwn.to_string().contains("`fingerprints`"));
        let said = AuthFailure::from(TlsFailure::IssuerAsOwn).to_string();
        assert!(said.contains("CA:TRUE") && !said.contains("fingerprints"), "{said}");
        assert!(matches!(AuthFailure::from(TlsFailure::NotTls), AuthFailure::NotReached(DialError::Tls(_))));
    }
}
