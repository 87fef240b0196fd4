//! Client connections, from accept until they upgrade or end.
//!
//! `accept` takes them in, `serve` secures them, `http1` drives what they speak, `request` finds the route, and then it is
//! either `upgrade` (★ the story of a tunnel) or `exchange` (plain HTTP). Both ask over the connections of `endpoint`, and return
//! what came of it; what cannot be served is a refusal: a value, answered and logged.
//! What these pass on are values in files of their own (`context`, `visit`, `refused`, `served`): no imports form a circle.
//!
//! Invariants: every wait on a peer has a deadline, but for the next piece of an answer. A connection never leaves its
//! worker, on either side. A failed upgrade leaves nothing behind: no lease, no registration, no socket, no task;
//! but an endpoint that has switched meanwhile is told so (`unopened`).

mod accept;
mod answered_without_101;
mod attempts;
mod body;
mod context;
mod counted;
mod end;
mod exchange;
mod http1;
#[cfg(test)]
mod in_memory;
mod interim;
mod log;
mod no_request;
mod placed_by;
mod placement;
mod proxy;
#[cfg(test)]
mod punctual;
mod record;
mod refused;
mod relay;
mod request;
mod rest;
mod resting;
mod serve;
mod served;
mod summary;
mod sums;
mod switch_request;
mod tale;
mod unopened;
mod upgrade;
mod visit;
mod wordless;

pub use accept::{Afterwards, accept};
pub use proxy::{Phase, Proxy, Stage, StopTimes};
