//! Ending tunnels in a paced, polite way before a deadline: one engine for every cause.
//!
//! What it does: keeps a list of every open tunnel ([`Registry`]), decides who is told when ([`Pace`], pure) and sees
//! a drain through ([`Drain`]). What it does not: write a Close. A tunnel is *told* by a [`StopOrder`]; only the
//! tunnel itself writes to its sockets.
//!
//! Invariants: a tunnel is registered before its client reads the 101, and no longer than its task lives. A tunnel
//! that registers in a scope which is already draining finds its order waiting.

mod members;
mod pace;
mod policy;
mod registry;
mod revocation;
mod run;
mod scope;
mod status;
mod stays;
mod take_back;
mod taps;
mod target;
mod tunnel_handle;
mod whereabouts;

pub use pace::{Pace, seconds};
pub use policy::{BadDrainPolicy, Cause, DrainPolicy, Overrides, Spread, StopOrder};
pub use registry::{Registration, Registry, StandingOrder};
pub use revocation::{BadRevocation, ClaimMatch, Revocation};
pub use run::{Drain, DrainEnd, DrainProgress, DrainSummary};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use scope::LOCAL_CLIENT;
pub use scope::{Incarnation, LifeToken, Member, Scope, TunnelId};
pub use status::{DrainEntry, DrainStatuses};
pub use stays::Stays;
pub use take_back::TakeBack;
pub use taps::TapRefused;
pub use target::{BadDrainTarget, DrainTarget, EndpointTarget};
pub use tunnel_handle::TunnelHandle;
pub use whereabouts::Whereabouts;

#[cfg(test)]
mod race;
