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
pub mod http1;
pub mod length;
pub mod limits;
pub mod methods;
pub mod reader;
pub mod reply;
pub mod unclean;

pub use reply::Refusal;
