//! Why a request is refused: a value, answered and logged.

use crate::endpoint::BrokenUpload;
use crate::http::Refusal;
use crate::snapshot::{Endpoint, Lease};

/// Why a request was refused, and what the log may say beyond that.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// What happened, for the operator: it may name endpoints, which the client must not read.
    pub(super) detail: Option<String>,
}

impl Refused {
    pub(super) fn because(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self { refusal, detail: Some(detail.into()) }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, detail: None }
    }
}

impl From<BrokenUpload> for Refused {
    fn from(broken: BrokenUpload) -> Self {
        let refusal = match broken {
            BrokenUpload::Stalled => Refusal::RequestTimeout,
            BrokenUpload::Lost => Refusal::BrokenBody,
        };
        Self::because(refusal, broken.to_string())
    }
}

impl Endpoint {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, detail: impl AsRef<str>) -> Refused {
        Refused::because(refusal, format!("endpoint {}: {}", self.name, detail.as_ref()))
    }
}

impl Lease {
    /// A refusal that has to do with this endpoint.
    pub(super) fn refused(&self, refusal: Refusal, detail: impl AsRef<str>) -> Refused {
        self.endpoint().refused(refusal, detail)
    }
}
