//! Sockets: what a tunnel needs of a stream, TLS over one, a deadline for writing to one, listening, dialling.
//!
//! No HTTP and no WebSocket here; deadlines come from the caller.

mod delivery_timer;
mod dial;
mod guarded;
mod half_open;
mod listen;
mod network;
mod options;
mod read_activity;
#[cfg(test)]
mod simulated;
mod socket;
mod spill;
mod stream;
mod tls_buffers;
mod tls_error;
mod tls_stream;
mod tunnel_stream;
mod unsent;

pub use delivery_timer::{DeliveryTimer, Taken, step};
pub use dial::{DialError, dial};
pub use guarded::Guarded;
pub use half_open::{FinEnds, HalfOpen};
pub use listen::{Acceptor, ListeningSocket};
pub use network::Network;
pub use read_activity::ReadActivity;
#[cfg(test)]
pub use simulated::{SimulatedListener, SimulatedNetwork, SimulatedSocket};
pub use socket::{Accepted, ReadHalf, Socket, WriteHalf};
pub use spill::Spill;
pub use stream::ClientStream;
pub use tls_error::TlsError;
pub use tls_stream::{HandshakeFailed, TlsStream};
pub use tunnel_stream::TunnelStream;
pub use unsent::Unsent;
