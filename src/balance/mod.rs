//! Which endpoint a request goes to: pure functions of an affinity key and of the candidates' identities, weights and loads.
//!
//! `policy` names the policies, each of which has a file of its own (`rendezvous` is `sticky`); `hash` makes keys and identities,
//! `pin` what a cookie says against them. Nothing here knows addresses, health or time: who is no candidate is left out by whoever
//! asks. Invariant: where a policy goes by the key, every proxy of a fleet, on any machine and in any version, comes to the same
//! answer. The golden vectors in the tests hold it; changing one moves every client.

mod candidate;
mod hash;
mod load_factor;
mod pin;
mod pin_secret;
mod pin_token;
mod policy;
mod rendezvous;

pub use candidate::Candidate;
pub use hash::{AffinityKey, EndpointIdentity};
pub use load_factor::LoadFactor;
pub use pin::{Affinity, Pin, Stay};
pub use pin_secret::{PinSecret, PinSecretFault, PinSecrets};
pub use pin_token::PinToken;
pub use policy::Policy;
