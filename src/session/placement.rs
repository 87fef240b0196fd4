//! From an affinity key to a connection with an endpoint: the best one first, the next one if it cannot be reached.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::request::{Refused, Visit};
use crate::balance::{AffinityKey, PinToken};
use crate::http::Refusal;
use crate::net::{DialError, dial};
use crate::snapshot::{Endpoint, Lease};

/// A new connection with the endpoint that a request was placed on.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) lease: Lease,
    pub(super) stream: TcpStream,
}

/// Connects to the endpoints that are meant for `key`, best first, until one answers.
pub(super) async fn connect(visit: &Visit, key: AffinityKey, pin: Option<PinToken>) -> Result<Placed, Refused> {
    let mut refused = Refused::from(Refusal::NoEndpoint);
    for endpoint in visit.upstream().picks(key, pin) {
        let lease = endpoint.lease();
        match reach(visit, endpoint).await {
            Ok(stream) => return Ok(Placed { lease, stream }),
            Err(unreachable) => refused = unreachable,
        }
    }
    Err(refused)
}

/// Connects to one endpoint.
pub(super) async fn reach(visit: &Visit, endpoint: &Arc<Endpoint>) -> Result<TcpStream, Refused> {
    let settings = &visit.upstream().settings;
    let error = match dial(&endpoint.address, settings.connect_timeout).await {
        Ok(stream) => return Ok(stream),
        Err(error) => error,
    };
    tracing::warn!(
        upstream = %settings.name,
        endpoint = %endpoint.name,
        %error,
        "cannot connect to an endpoint; the next one is tried"
    );
    let refusal = match error {
        DialError::Failed(_) => Refusal::ConnectFailed,
        DialError::TimedOut => Refusal::ConnectTimeout,
    };
    Err(endpoint.refused(refusal, error.to_string()))
}

impl Endpoint {
    /// A refusal that is this endpoint's fault.
    pub(super) fn refused(&self, refusal: Refusal, detail: impl AsRef<str>) -> Refused {
        Refused::because(refusal, format!("endpoint {}: {}", self.name, detail.as_ref()))
    }
}

impl Lease {
    /// A refusal that is this endpoint's fault.
    pub(super) fn refused(&self, refusal: Refusal, detail: impl AsRef<str>) -> Refused {
        self.endpoint().refused(refusal, detail)
    }
}
