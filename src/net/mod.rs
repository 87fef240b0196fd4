//! Sockets: what a tunnel needs of a stream, listening, dialling.
//!
//! No HTTP and no WebSocket here; deadlines come from the caller.

mod stream;

pub use stream::{ClientStream, TunnelStream};
