//! HTTP heads: what is refused, what is rewritten on its way, and the answers that are our own.
//!
//! Values in, values out: this folder knows the types of HTTP and no socket. Bodies pass elsewhere, untouched.
//! Invariant: what leaves here for an endpoint says of the client only what we know, or what a trusted proxy told us.

pub mod affinity;
pub mod binding;
pub mod certificate_headers;
pub mod client_address;
pub mod cookies;
pub mod endpoint_host;
pub mod forward;
mod forwarded;
mod forwarding;
pub mod framing;
pub mod head;
pub mod hops;
pub mod http1;
pub mod http2;
pub mod length;
pub mod limits;
pub mod methods;
pub mod reader;
mod refusal;
mod refusal_answer;
mod refusal_kind;
mod refusal_table;
mod refusal_text;
pub mod unclean;
pub mod underscores;

pub use refusal::{Fault, Refusal};
pub use refusal_answer::{RefusalTerms, status_of};
pub use refusal_text::{Accept, RefusalText};
