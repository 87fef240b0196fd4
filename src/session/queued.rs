//! Waiting in a queue: what ends it beside what is waited for.

use tokio::time::{Instant, sleep_until};

use super::proxy::Phase;
use super::refused::Refused;
use super::request_context::RequestContext;
use crate::http::Refusal;
use crate::metrics::HandshakePhase;

/// Waits for what a request waits for in a queue: no longer than its upstream's `queue.wait`, counted from when it came and over
/// all the queues that it waits in, and not once the process opens no more tunnels. Whoever drives the client's connection
/// drops this when the client leaves.
///
/// # Errors
/// Why the request is refused.
pub(super) async fn wait_for<T>(
    context: &RequestContext,
    called: impl Future<Output = Result<T, Refused>>,
) -> Result<T, Refused> {
    let session = &context.session;
    let begun = Instant::now();
    let waited = tokio::select! {
        biased;
        () = session.proxy.reached(Phase::Draining) => Err(Refusal::Draining.into()),
        outcome = called => outcome,
        () = sleep_until(context.started + context.upstream().settings.queue.wait) => Err(Refusal::QueueTimeout.into()),
    };
    if waited.is_ok() {
        session.proxy.metrics.waited(begun.elapsed());
        context.note_phase(HandshakePhase::Waiting, begun);
    }
    waited
}
