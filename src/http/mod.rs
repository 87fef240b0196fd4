//! HTTP heads: what is refused, what is rewritten on its way, and the answers that are our own.
//!
//! Values in, values out: this folder knows the types of HTTP and no socket. Bodies pass elsewhere, untouched.
//! Invariant: what leaves here for an endpoint says of the client only what we know, or what a trusted proxy told us.

pub mod affinity;
pub mod binding;
pub mod client_address;
pub mod cookies;
pub mod forward;
pub mod framing;
pub mod head;
pub mod hops;
pub mod hygiene;
pub mod length;
pub mod limits;
pub mod methods;
pub mod reply;
pub mod tokens;
pub mod upgrade;

pub use reply::Refusal;
