//! Sockets: what a tunnel needs of a stream, TLS over one, a deadline for writing to one, listening, dialling.
//!
//! An endpoint that has a name is reached at whichever of its addresses answers (`dial_name`, `race`): which those are is
//! `resolver`'s. No HTTP and no WebSocket here, but that
//! `judged` has the bytes of HTTP/1 judged on their way to whoever reads them; deadlines come from the caller.

mod connect;
mod connect_unix;
mod delivery_timer;
mod dial;
mod dial_error;
mod dial_name;
mod everywhere;
mod failing_addresses;
mod frozen_stream;
mod guarded;
mod half_open;
mod halves;
mod http2_stream;
mod judged;
mod listen;
mod lost_sources;
mod network;
mod options;
mod port_room;
mod proxy_protocol;
mod race;
mod read_activity;
mod shared_delivery;
#[cfg(test)]
mod simulated;
mod socket;
mod spill;
mod stream;
mod tls_buffers;
mod tls_error;
mod tls_failure;
mod tls_stream;
mod tunnel_stream;
mod unix_socket;
mod unsent;

pub use connect::ConnectOptions;
pub use delivery_timer::{DeliveryTimer, Taken, step};
pub use dial::dial;
pub use dial_error::DialError;
pub use everywhere::everywhere;
pub use frozen_stream::{CannotMove, FrozenStream};
pub use guarded::Guarded;
pub use half_open::{FinEnds, HalfOpen};
pub use halves::{Halves, StreamHalf};
pub use http2_stream::Http2Stream;
pub use judged::{FoundFlaw, Judged, NextAnswer, Unjudged, flaw_of};
pub use listen::{Acceptor, ListeningSocket, canonical};
pub use network::{Network, SystemNetwork};
pub use port_room::port_shortage;
pub use proxy_protocol::{
    BadProxyHeader, HeaderReader, NoProxyHeader, ProxiedClient, ProxiedTls, ProxyHeaderError, Taken as HeaderTaken,
    ToldClient, proxy_header, read_proxy_header_within,
};
pub use read_activity::ReadActivity;
pub use shared_delivery::{SharedDelivery, StreamDelivery};
#[cfg(test)]
pub use simulated::{SimulatedListener, SimulatedNetwork, SimulatedSocket};
pub use socket::{Accepted, Socket};
pub use spill::Spill;
pub use stream::Stream;
pub use tls_error::TlsError;
pub use tls_failure::TlsFailure;
pub use tls_stream::{HandshakeFailed, TlsStream};
pub use tunnel_stream::TunnelStream;
pub use unix_socket::UnixSocket;
pub use unsent::Unsent;
