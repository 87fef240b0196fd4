//! TLS over real sockets: the stream itself, and the clients that operators have.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod peers;
mod site;
mod stream;
