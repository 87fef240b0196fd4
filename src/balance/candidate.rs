//! What a policy knows of an endpoint.

use std::num::NonZeroU32;

use super::hash::EndpointIdentity;

/// One endpoint to choose from, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who it is.
    pub identity: EndpointIdentity,
    /// Its share of the placements, relative to the others'.
    pub weight: NonZeroU32,
    /// Its open tunnels, those that are about to open among them.
    pub load: usize,
}
