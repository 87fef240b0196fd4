//! Connecting to an endpoint, and what is noted of how that went: in the counters, in the log, and with the endpoint.

use tokio::time::Instant;

use crate::config::UpstreamSettings;
use crate::metrics::Metrics;
use crate::net::{self, DialError, Network, Socket};
use crate::snapshot::{Endpoint, Outage};

/// Connects to an endpoint in `network`, of the upstream with these settings, within its `connect_timeout`.
///
/// # Errors
/// Why there is no connection.
pub async fn dial(
    endpoint: &Endpoint,
    upstream: &UpstreamSettings,
    network: &Network,
    metrics: &Metrics,
) -> Result<Socket, DialError> {
    let begun = Instant::now();
    let dialled = net::dial(network, &endpoint.address, upstream.connect_timeout).await;
    match &dialled {
        Ok(_) => {
            metrics.connected(begun.elapsed());
            if let Some(outage) = endpoint.reach.note_reached(Instant::now()) {
                log_reached_again(endpoint, upstream, outage);
            }
        }
        Err(error) => {
            endpoint.note_connect_failure();
            if let DialError::Failed(_) | DialError::TimedOut = error {
                endpoint.doubt();
            }
            if let Some(outage) = endpoint.reach.note_failed(Instant::now()) {
                log_unreachable(endpoint, upstream, error, outage);
            }
        }
    }
    dialled
}

/// Connects fail: said when that begins, and then the sum of them, now and then.
fn log_unreachable(endpoint: &Endpoint, upstream: &UpstreamSettings, error: &DialError, outage: Outage) {
    let (endpoint, upstream) = (&endpoint.name, &upstream.name);
    let Outage { failed, lasted } = outage;
    let for_seconds = lasted.as_secs();
    if let DialError::Exhausted(_) = error {
        tracing::error!(%upstream, %endpoint, %error, failed, for_seconds, "cannot connect to endpoints: out of a resource");
    } else {
        tracing::warn!(%upstream, %endpoint, %error, failed, for_seconds, "an endpoint cannot be reached; the next one is tried");
    }
}

/// A connect went well, for the first time since it was said that they fail.
fn log_reached_again(endpoint: &Endpoint, upstream: &UpstreamSettings, outage: Outage) {
    let (endpoint, upstream) = (&endpoint.name, &upstream.name);
    let Outage { failed, lasted } = outage;
    tracing::warn!(%upstream, %endpoint, failed, after_seconds = lasted.as_secs(), "an endpoint can be reached again");
}
