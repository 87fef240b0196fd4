//! Listening to operators, and the way of what they ask: `socket` is where, `server` accepts, `connection` converses, `respond` answers
//! one request.
//!
//! What it does not: decide who may ask what (`door`), or what the answer says (`look`, `steer`). Invariant: every wait for an operator
//! has a deadline.

mod connection;
mod respond;
mod server;
mod socket;

pub use server::serve;
pub use socket::{BoundAdmin, SocketFile};
