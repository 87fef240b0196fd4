//! What came of asking an endpoint, as its health is told of it.
//!
//! A failure is what the endpoint is to blame for: no connection, no answer in time or at all, or one that makes no sense. What a
//! client has done wrong is none, nor is how a tunnel ends.

use std::fmt::{self, Display};
use std::time::Duration;

use tokio::time::Instant;

use super::refused::{RefusalCause, Refused};
use super::request_context::RequestContext;
use crate::health::Asked;
use crate::http::Fault;
use crate::snapshot::Pick;

/// An upgrade while its endpoint is asked. Dropped without a verdict, since its client has left, it tells what that means.
#[derive(Debug)]
pub(super) struct AskedUpgrade<'c> {
    context: &'c RequestContext,
    /// Until there is a verdict.
    pick: Option<Pick<'c>>,
    begun: Instant,
}

impl<'c> AskedUpgrade<'c> {
    /// The endpoint is asked from now on.
    pub(super) fn begin(context: &'c RequestContext, pick: Pick<'c>) -> Self {
        Self { context, pick: Some(pick), begun: Instant::now() }
    }

    /// There is a verdict.
    pub(super) fn end(mut self, verdict: impl FnOnce(&RequestContext, Pick<'c>)) {
        if let Some(pick) = self.pick.take() {
            verdict(self.context, pick);
        }
    }
}

impl Drop for AskedUpgrade<'_> {
    fn drop(&mut self) {
        let waited = self.begun.elapsed();
        if let Some(pick) = self.pick.take().filter(|_| waited >= PATIENCE) {
            let cause = format_args!("no answer for {} s, when the client left", waited.as_secs());
            self.context.note_failure(pick, Asked::Upgrade, &cause);
        }
    }
}

impl RequestContext {
    /// The endpoint has answered for itself.
    pub(super) fn note_success(&self, pick: Pick<'_>, asked: Asked) {
        pick.endpoint.note_success(asked, pick.trial);
    }

    /// The endpoint has failed.
    pub(super) fn note_failure(&self, pick: Pick<'_>, asked: Asked, cause: &dyn Display) {
        self.note_endpoint_failed(pick.endpoint, cause);
        pick.endpoint.note_failure(asked, cause, pick.trial, self.upstream());
    }

    /// There is no answer, which may be the endpoint's fault. If it is not, a trial is still to come.
    pub(super) fn note_refused(&self, pick: Pick<'_>, asked: Asked, refused: &Refused) {
        // A trial wants its verdict in any case.
        let is_new = !refused.is_told || pick.trial.is_some();
        if refused.refusal.fault() == Fault::Upstream && is_new {
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
            Some(RefusalCause::Upload(_) | RefusalCause::Authorize(_) | RefusalCause::Origin(_)) | None => {
                self.0.refusal.fmt(f)
            }
        }
    }
}

/// Who leaves before an endpoint has let it wait for so long had reasons of its own. Clients give up sooner than `handshake_timeout`,
/// and an endpoint that hangs would never be found out by those.
const PATIENCE: Duration = Duration::from_secs(5);
