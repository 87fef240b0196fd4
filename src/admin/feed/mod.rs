//! The feed: what there is to see of the process, once a second, for everybody who looks.
//!
//! What it does: says everything at first, and then what is different, as server-sent events. What it does not: remember; who
//! wants to see a past has it from Prometheus, or has watched. Invariants: it is put together once a second for all who look, and
//! not at all while nobody does; only so many look at once; who reads too slowly misses events and then reads everything again,
//! and who reads nothing is cut like any other operator.

mod counted;
mod event;
mod looker;
mod lookers;
mod sections;

pub(super) use looker::{Hello, watched};
pub use lookers::Lookers;
