//! The handoff, of both processes: what the old one offers, what the new one receives, and how the old one drains out. The same over a
//! restart, where the two never run together: what is left with systemd (`leave`), and what was (`kept`).
//!
//! Until the new process says that it serves, every failure ends *it*, and the old one serves on as if nothing had happened.

#[cfg(any(test, feature = "fuzzing"))]
mod any_batch;
mod batch;
mod client_keys;
mod drain_out;
mod drain_rests;
mod endpoint_sets;
mod endpoint_states;
mod freezer;
mod inherited_sockets;
mod intake;
mod kept;
mod leave;
mod left_queue;
mod move_out;
mod moved;
mod odd;
mod offer;
#[cfg(test)]
mod played_systemd;
mod receive;
mod report;

#[cfg(feature = "fuzzing")]
pub use any_batch::take_in_anything;
pub(super) use endpoint_sets::InheritedSets;
pub(super) use inherited_sockets::InheritedSockets;
pub(super) use intake::TunnelIntake;
pub(super) use leave::{Leaver, say_left};
pub(super) use move_out::MovedOut;
pub use offer::{HandoffError, Successor};
pub(super) use receive::Inheritance;
