//! Which endpoint a request goes to: pure functions of an affinity key and the endpoints' identities.
//!
//! Nothing here knows addresses, health or time. Invariant: every proxy of a fleet, on any machine and in any
//! version, comes to the same answer. The golden vectors in the tests hold it; changing one moves every client.

mod hash;
mod pin;
mod rendezvous;

pub use hash::{AffinityKey, EndpointIdentity};
pub use pin::{Affinity, Pin, PinToken, Stay};
pub use rendezvous::{Candidate, best};
