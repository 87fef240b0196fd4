//! Which endpoint a request goes to: pure functions of an affinity key, or of random bits, and of the candidates' identities,
//! weights, loads and when they are due.
//!
//! `policy` names the policies, each of which has a file of its own; `rendezvous` is what a key means, and a draw by lot too, for
//! that is a key which nobody has. `tier` holds the endpoints, sixteen bytes each: how one is now is looked at only where it may be the
//! best. `hash` makes keys and identities, `pin` what a cookie says against them, `busyness` what `least_busy` goes by. Nothing here
//! knows addresses or health, or reads a clock: who is no candidate is said by whoever asks. No pick allocates, but for more shards
//! than `rendezvous` keeps on the stack. Invariant: where a policy goes by the key, every proxy of a fleet, on any machine and in
//! any version, comes to the same answer. The golden vectors in the tests hold it; changing one moves every client.

mod bounded_load;
mod busyness;
mod candidate;
mod hash;
mod least_busy;
mod least_tunnels;
mod load_factor;
mod logarithm;
mod memo;
mod pin;
mod pin_secret;
mod pin_token;
mod policy;
mod random;
mod rendezvous;
mod round_robin;
mod slow_start;
mod split;
mod sticky;
#[cfg(test)]
mod tests;
mod tier;
mod two_choices;

pub use busyness::Busyness;
pub use candidate::{Candidate, Share, Standing};
pub use hash::{AffinityKey, EndpointIdentity};
pub use least_busy::least_busy;
pub use least_tunnels::least_tunnels;
pub use load_factor::LoadFactor;
pub use pin::{Affinity, Pin, Stay};
pub use pin_secret::{PinSecret, PinSecretFault, PinSecrets};
pub use pin_token::PinToken;
pub use policy::Policy;
pub use random::random;
pub use round_robin::{NextDue, later, round_robin};
pub use slow_start::{fine_weight, ramping_weight};
pub use split::split;
pub use sticky::{Sticky, home};
pub use tier::Tier;
