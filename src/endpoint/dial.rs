//! Connecting to an endpoint, and what is noted of how that went: in the counters, in the log, and with the endpoint.

use std::error::Error;

use tokio::time::Instant;

use super::open::{FirstWords, open};
use crate::config::UpstreamSettings;
use crate::metrics::Metrics;
use crate::net::{DialError, Network, Stream, TlsFailure};
use crate::snapshot::{Endpoint, Outage, Upstream};

/// Connects to an endpoint of `upstream` in `network`, and says `first` before anything else, within its `connect_timeout`.
///
/// # Errors
/// Why there is no connection.
pub async fn dial(
    endpoint: &Endpoint,
    upstream: &Upstream,
    network: &Network,
    metrics: &Metrics,
    first: FirstWords,
) -> Result<Stream, DialError> {
    let (begun, settings) = (Instant::now(), &upstream.settings);
    let dialled = open((endpoint, &endpoint.address), upstream, network, first, settings.connect_timeout).await;
    match &dialled {
        Ok(_) => {
            metrics.connected(begun.elapsed());
            if let Some(outage) = endpoint.reach.note_reached(Instant::now()) {
                log_reached_again(endpoint, settings, outage);
            }
        }
        Err(error) => {
            endpoint.note_connect_failure();
            match error {
                DialError::Failed(_) | DialError::TimedOut | DialError::NoneAnswered(_) => endpoint.doubt(),
                DialError::Tls(failure) => {
                    endpoint.doubt();
                    metrics.endpoint_tls_failed(&settings.name, failure.reason());
                }
                DialError::OutOfPorts(_) | DialError::Exhausted(_) => {}
            }
            if let Some(outage) = endpoint.reach.note_failed(Instant::now()) {
                log_unreachable(endpoint, settings, error, outage);
            }
        }
    }
    dialled
}

/// A connection with the endpoint has ended by this error: if that is what it thinks of the TLS that seemed to be good, it is noted
/// as a connect that failed.
pub fn note_broken_tls(error: &(dyn Error + 'static), endpoint: &Endpoint, upstream: &Upstream, metrics: &Metrics) {
    let settings = &upstream.settings;
    let Some(failure) = upstream.tls().and_then(|_| TlsFailure::behind(error)) else { return };
    endpoint.note_connect_failure();
    endpoint.doubt();
    metrics.endpoint_tls_failed(&settings.name, failure.reason());
    if let Some(outage) = endpoint.reach.note_failed(Instant::now()) {
        log_unreachable(endpoint, settings, &DialError::Tls(Box::new(failure)), outage);
    }
}

/// Connects fail: said when that begins, and then the sum of them, now and then.
fn log_unreachable(endpoint: &Endpoint, upstream: &UpstreamSettings, error: &DialError, outage: Outage) {
    let (endpoint, upstream) = (&endpoint.name, &upstream.name);
    let Outage { failed, lasted } = outage;
    let for_seconds = lasted.as_secs();
    if let DialError::Exhausted(_) = error {
        tracing::error!(%upstream, %endpoint, %error, failed, for_seconds, "cannot connect to endpoints: out of a resource");
    } else {
        tracing::warn!(%upstream, %endpoint, %error, failed, for_seconds, "an endpoint cannot be reached; the next one is tried, where there is one");
    }
}

/// A connect went well, for the first time since it was said that they fail.
fn log_reached_again(endpoint: &Endpoint, upstream: &UpstreamSettings, outage: Outage) {
    let (endpoint, upstream) = (&endpoint.name, &upstream.name);
    let Outage { failed, lasted } = outage;
    tracing::warn!(%upstream, %endpoint, failed, after_seconds = lasted.as_secs(), "an endpoint can be reached again");
}
