//! Client connections, from accept until they upgrade or end.
//!
//! `accept` takes them in, `serve` speaks HTTP with them, `request` finds the route, and then it is either `upgrade` (★ the
//! story of a tunnel) or `exchange` (plain HTTP). What cannot be served is a refusal: a value, answered and logged.
//!
//! Invariants: every wait on a peer has a deadline. A failed upgrade leaves nothing behind: no lease, no registration, no
//! socket, no task.

mod accept;
mod body;
mod connection;
mod exchange;
mod expect;
mod guarded;
mod last_words;
mod log;
mod origin;
mod passed_through;
mod placement;
mod pool;
mod proxy;
mod record;
mod request;
mod serve;
mod upgrade;
mod upload;

pub use accept::accept;
pub use proxy::{Phase, Proxy};
