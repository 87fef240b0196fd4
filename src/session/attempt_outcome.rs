//! What came of asking an endpoint, as its health is told of it.
//!
//! A failure is what the endpoint is to blame for: no connection, no answer in time or at all, or one that makes no sense. What a
//! client has done wrong is none, nor is how a tunnel ends.

use std::fmt::{self, Display};

use super::refused::{RefusalCause, Refused};
use super::request_context::RequestContext;
use crate::health::Asked;
use crate::http::Fault;
use crate::snapshot::Pick;

impl RequestContext {
    /// The endpoint has answered for itself.
    pub(super) fn note_success(&self, pick: Pick<'_>, asked: Asked) {
        pick.endpoint.note_success(asked, pick.trial);
    }

    /// The endpoint has failed.
    pub(super) fn note_failure(&self, pick: Pick<'_>, asked: Asked, cause: &dyn Display) {
        pick.endpoint.note_failure(asked, cause, pick.trial, self.upstream());
    }

    /// There is no answer, which may be the endpoint's fault. If it is not, a trial is still to come.
    pub(super) fn note_refused(&self, pick: Pick<'_>, asked: Asked, refused: &Refused) {
        if refused.refusal.fault() == Fault::Upstream {
            self.note_failure(pick, asked, &Blamed(refused));
        }
    }
}

/// What an endpoint did, without its name, which stands beside it.
struct Blamed<'a>(&'a Refused);

impl Display for Blamed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.cause {
            Some(RefusalCause::Endpoint { fault, .. }) => fault.fmt(f),
            Some(RefusalCause::Upload(_)) | None => self.0.refusal.fmt(f),
        }
    }
}
