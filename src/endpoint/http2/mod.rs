//! Asking endpoints over HTTP/2: many requests on few connections (RFC 9113).
//!
//! `pool` has the shared connections of a worker and opens another one where those are full (`opening`); `connection` is one of them,
//! `driver` the task that drives it, `liveness` when that asks whether the endpoint is there still, and `recorded` what is known of it
//! beside what `h2` tells; `asking` sends a request and waits for the head of the answer, while `sending` sends its body; `body` is
//! the answer's. `failure` says what may go wrong, and what of that leaves a request unread.
//!
//! Invariants: no connection carries more streams than its endpoint allows, and no more than ours; an endpoint that says GOAWAY is
//! given no more over that one; what a reader leaves unread on one stream holds up none of the others.

mod asking;
mod body;
mod connection;
mod driver;
mod failure;
mod liveness;
mod opening;
mod pool;
mod recorded;
mod sending;
#[cfg(test)]
mod tests;

pub use asking::{NoAnswer, OpenStream, StreamAnswer, ask_over_http2};
pub use body::StreamBody;
pub use connection::StreamSlot;
pub use failure::{NotOpened, StreamFailure};
pub use pool::{Http2Pool, NoSlot, Opener};
