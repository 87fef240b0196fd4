//! RFC 6455 as pure functions: bytes and values in, values out. No sockets, no clock, no allocation per frame.

mod close;
mod control;
mod direction;
mod extensions;
mod frame;
mod header;
mod inspector;
mod violation;

pub use close::{CloseBody, CloseCode, MAX_REASON};
pub use control::{Control, ControlKind, ControlPayload, MAX_CONTROL_PAYLOAD};
pub use direction::{Direction, PerDirection, PerSide, Side};
pub use extensions::{DeflateParameters, Extensions};
pub use frame::Frame;
pub use header::{Header, MAX_HEADER, apply_mask};
pub use inspector::{Inspector, Observe, Rules, Scan, Then};
pub use violation::Violation;
