//! From an affinity key to a connection with an endpoint: the best one first, the next one if it cannot be reached.

use tokio::net::TcpStream;

use super::request::{Refused, Visit};
use crate::balance::{AffinityKey, PinToken};
use crate::http::Refusal;
use crate::net::{DialError, dial};
use crate::snapshot::Lease;

/// A new connection with the endpoint that a request was placed on.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) lease: Lease,
    pub(super) stream: TcpStream,
}

/// Connects to the endpoints that are meant for `key`, best first, until one answers.
pub(super) async fn connect(visit: &Visit, key: AffinityKey, pin: Option<PinToken>) -> Result<Placed, Refused> {
    let deadline = visit.upstream().settings.connect_timeout;
    let mut refused = Refused::from(Refusal::NoEndpoint);
    for endpoint in visit.upstream().picks(key, pin) {
        let lease = endpoint.lease();
        let error = match dial(&endpoint.address, deadline).await {
            Ok(stream) => return Ok(Placed { lease, stream }),
            Err(error) => error,
        };
        tracing::warn!(
            upstream = %visit.upstream().settings.name,
            endpoint = %endpoint.name,
            %error,
            "cannot connect to an endpoint; the next one is tried"
        );
        refused = match error {
            DialError::Failed(_) => lease.refused(Refusal::ConnectFailed, error.to_string()),
            DialError::TimedOut => lease.refused(Refusal::ConnectTimeout, error.to_string()),
        };
    }
    Err(refused)
}

impl Lease {
    /// A refusal that is this endpoint's fault.
    pub(super) fn refused(&self, refusal: Refusal, detail: impl AsRef<str>) -> Refused {
        Refused::because(refusal, format!("endpoint {}: {}", self.endpoint().name, detail.as_ref()))
    }
}
