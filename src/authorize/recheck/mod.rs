//! A server is asked again about the tunnels that it has let in.
//!
//! `book` knows what is to be asked when, and what an answer changes: pure. `rechecks` owns it and the one task that asks (`task`).
//!
//! Invariants: one question for all tunnels of a credential, and one of a credential at a time; no more questions a second than a
//! route allows; nothing of a credential is kept once its last tunnel has ended; only an answer, or the lack of one for as long as
//! a route allows, ends a tunnel.

mod asking_route;
mod book;
mod frozen_permitted;
mod good;
mod rechecks;
mod shared;
mod task;

pub use frozen_permitted::FrozenPermitted;
pub use good::Good;
pub use rechecks::{Permitted, Rechecks, Watched};
