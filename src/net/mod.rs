//! Sockets: what a tunnel needs of a stream, listening, dialling.
//!
//! No HTTP and no WebSocket here; deadlines come from the caller.

mod dial;
mod listen;
mod spill;
mod stream;

pub use dial::{DialError, dial};
pub use listen::{Acceptor, ListeningSocket};
pub use spill::Spill;
pub use stream::{ClientStream, TunnelStream};
