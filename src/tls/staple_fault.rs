//! What can be wrong with the file of an OCSP response, and what to do about it.

use thiserror::Error;

/// Why a file is no OCSP response for its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StapleFault {
    /// It is something else.
    #[error("is no OCSP response in DER")]
    NotOcsp,
    /// The responder had none.
    #[error("is the answer of a responder that had none for it")]
    NoAnswer,
    /// It is about another certificate.
    #[error("is an OCSP response for another certificate")]
    OtherCertificate,
}

impl StapleFault {
    /// What the operator can do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::NotOcsp => "have `openssl ocsp -issuer ISSUER -cert SITE -url URL -respout FILE` write it",
            Self::NoAnswer => "ask again, and keep the one before meanwhile",
            Self::OtherCertificate => "ask for the certificate that `chain` begins with, and by its own issuer",
        }
    }
}
