//! RFC 6455 as pure functions: bytes and values in, values out. No sockets, no clock, no allocation per frame.

mod close;
mod direction;

pub use close::CloseCode;
pub use direction::{Direction, PerDirection, PerSide, Side};
