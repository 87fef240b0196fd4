//! Whether a request may be asked again of another endpoint.

use tokio::time::Instant;

use super::request_context::RequestContext;
use crate::snapshot::RetryVerdict;

impl RequestContext {
    /// Takes a retry from what the upstream has for that. Call it before another endpoint is asked than one that may have read the
    /// request: who could not be connected to costs nobody anything.
    pub(super) fn take_retry(&self) -> bool {
        let upstream = self.upstream();
        match upstream.retries.take(upstream.settings.retry_budget, Instant::now()) {
            RetryVerdict::Granted => true,
            RetryVerdict::Refused { to_say } => {
                if let Some(refused) = to_say {
                    let upstream = &upstream.settings.name;
                    tracing::warn!(%upstream, refused, "too many requests fail to be asked again elsewhere: retry_budget is used up");
                }
                false
            }
        }
    }
}
