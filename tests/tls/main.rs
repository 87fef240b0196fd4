//! TLS over real sockets: the stream itself.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod site;
mod stream;
