//! Client connections, from accept until they upgrade or end.
//!
//! `accept` takes them in, `serve` speaks HTTP with them, `request` finds the route, and then it is either `upgrade` (★ the
//! story of a tunnel) or `exchange` (plain HTTP). What cannot be served is a refusal: a value, answered and logged.
//!
//! Invariants: every wait on a peer has a deadline. A failed upgrade leaves nothing behind: no lease, no registration, no
//! socket, no task.

mod accept;
mod body;
mod exchange;
mod guarded;
mod log;
mod passed_through;
mod placement;
mod proxy;
mod request;
mod serve;
mod upgrade;

pub use accept::accept;
pub use proxy::{Phase, Proxy};
