//! A network in memory, for tests that run a whole proxy in virtual time.
//!
//! It behaves as Linux and TCP do, as far as the proxy can tell: a FIN comes behind what was sent, a reset destroys what is not
//! received yet and leaves what is, closing with unread input resets, two buffers stand between writer and reader, and a
//! cable can be pulled. Whoever has no handle on it cannot reach it: there is nothing global.

mod kernel;
mod network;
mod socket;

pub use network::{SimulatedListener, SimulatedNetwork};
pub use socket::SimulatedSocket;
