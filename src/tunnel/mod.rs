//! A tunnel: two streams joined after an upgrade, judged frame by frame, timed, limited, and ended politely.
//!
//! [`Tunnel`] is the whole of it, a future that ends with an [`Outcome`]. One task owns both streams and is the only
//! one that writes to them, so a Ping or a Close of ours stands exactly between two frames.
//!
//! Invariants: what a side reads is a prefix of what the other side sent, plus whole control frames of ours between
//! its frames. A direction buffers at most one read of its own, and only while its sink takes nothing. A tunnel ends
//! by its own doing or at a deadline, whatever its peers do.

mod close_deadline;
mod closing;
mod closing_handshake;
mod ending;
mod flow;
mod frame_filter;
mod frozen;
mod judged;
mod leg;
mod liveness;
mod mask;
mod outcome;
mod outside;
mod parameters;
mod permitted;
mod protocol;
mod pump;
mod rate_limits;
mod scratch;
mod shared;
mod sizes;
mod timers;

pub use ending::{Ending, Loss};
pub use frozen::{FrozenTunnel, Unfreezable};
pub use mask::masking_key;
pub use outcome::{Outcome, SideOutcome};
pub use parameters::{Streams, TunnelParameters};
pub use protocol::Protocol;
pub use pump::Tunnel;

#[cfg(all(feature = "fuzzing", not(test)))]
mod tests;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(feature = "fuzzing")]
pub use tests::{carry_on_anything, simulate};
