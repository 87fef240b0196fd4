//! Ending tunnels in a paced, polite way before a deadline: one engine for every cause.
//!
//! What it does: keeps a list of every open tunnel ([`Registry`]), decides who is told when ([`Pace`], pure) and sees
//! a drain through ([`Drain`]). What it does not: write a Close. A tunnel is *told* by a [`StopOrder`]; only the
//! tunnel itself writes to its sockets.
//!
//! Invariants: a tunnel is registered before its client reads the 101, and no longer than its task lives. A tunnel
//! that registers in a scope which is already draining finds its order waiting.

mod board;
mod coordinator;
mod order;
mod pace;
mod registry;
mod scope;
mod target;

pub use board::{Board, DrainNote};
pub use coordinator::{Drain, DrainEnd, Progress, Report};
pub use order::{BadPolicy, Cause, Overrides, Policy, Spread, StopOrder};
pub use pace::{Pace, seconds};
pub use registry::{Registration, Registry, Standing, Ticket};
pub use scope::{Incarnation, Life, Member, Scope, TunnelId};
pub use target::{EndpointTarget, NoTarget, Target};

#[cfg(test)]
mod race;
