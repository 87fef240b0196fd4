//! What a policy knows of an endpoint: what it is in its upstream, and how it is now.

use std::num::NonZeroU32;

use super::hash::EndpointIdentity;

/// What an endpoint is in its upstream, for as long as its configuration stays. Sixteen bytes: a pick goes through all of them,
/// and looks only at those endpoints that may be the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who it is.
    pub identity: EndpointIdentity,
    /// Its share of the placements, relative to the others', once it has all of it.
    pub weight: NonZeroU32,
    /// Its index among the endpoints of its upstream.
    pub index: u32,
}

/// An endpoint as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whether the request may go there.
    pub standing: Standing,
    /// Its weight now: that of its [`Share`], or less while it starts slowly; more it never is.
    pub weight: NonZeroU32,
    /// Its open tunnels, those that are about to open among them.
    pub load: usize,
    /// Its decaying average of work.
    pub busy: u64,
    /// When it is due under `round_robin`, as long as it has the least weight.
    pub due: u64,
}

/// What an endpoint is to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The request may go there.
    Open,
    /// Not now. The keys that it is among the best for keep their place for it.
    Closed,
    /// Not now, and somebody else has its keys: an operator has said so.
    Drained,
}

impl Candidate {
    /// Whether the request may go there.
    pub fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// Its weight, if the request may go there.
    pub(super) fn weight_if_open(&self) -> Option<NonZeroU32> {
        self.is_open().then_some(self.weight)
    }
}

impl Share {
    /// Its index among the endpoints of its upstream.
    pub fn index(&self) -> usize {
        self.index as usize
    }
}
