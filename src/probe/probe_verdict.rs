//! What the probes of an endpoint make of it, for whoever acts on that.

use std::sync::Arc;

use crate::health::Availability;
use crate::snapshot::Endpoint;

/// An endpoint has gone down, or is up again.
#[derive(Clone, Debug)]
pub struct ProbeVerdict {
    /// Which one.
    pub endpoint: Arc<Endpoint>,
    /// Which of the two.
    pub availability: Availability,
}
