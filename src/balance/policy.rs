//! The balancing policies: which of an upstream's endpoints a request is meant for. Each is a variant here and a file beside
//! this one.
//!
//! A policy names the best candidate. The next best is the best of the others, so an order is had one by one, as far as it is
//! needed, and by what the candidates are at that moment.

/// How the endpoint of a request is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Weighted rendezvous hashing of the affinity key; `LeastTunnels` for a request that has none.
    Sticky,
    /// The one of two with fewer open tunnels.
    LeastTunnels,
    /// The one of two whose tunnels are less busy.
    LeastBusy,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
}
