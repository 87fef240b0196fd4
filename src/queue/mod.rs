//! Who waits where an endpoint takes no more at once: in which order people get in, how many may be in, and who is refused.
//!
//! Three things that are not the same: a *turn* is the right to have a handshake under way with an endpoint, as many as its
//! [`Gate`] gives out at once; a *place* is that of one open tunnel, as many as `max_tunnels` allows, and who finds none waits
//! among [`Places`]; and both wait in a queue that is fair among clients, whoever they are, and no longer than its length.
//!
//! Invariants: a gate has never given out more turns than its limit was when it gave the last of them. Whoever waits is
//! called, displaced or gone, once: a turn that was given to somebody who left meanwhile goes to the next. No clocks in here,
//! and no deadlines: whoever has waited for long enough drops what it waits with.

mod client;
mod fair;
mod gate;
mod limit;
mod places;
#[cfg(test)]
mod simulation;
mod waiters;

pub use client::ClientNetwork;
pub use gate::{Entry, Gate, Turn, WaitForTurn};
pub use limit::{HandshakeLimit, HandshakeOutcome};
pub use places::{Places, WaitForPlace};
pub use waiters::{Displaced, QueueIsFull};
