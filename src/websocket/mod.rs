//! RFC 6455 as pure functions: bytes and values in, values out. No sockets, no clock, no allocation per frame.

mod close;
mod control;
mod direction;
mod extensions;
mod frame;
mod handshake;
mod header;
mod inflate;
mod inspector;
mod rate;
mod violation;

pub use close::{CloseBody, CloseCode, MAX_REASON};
pub use control::{Control, ControlKind, ControlPayload, MAX_CONTROL_PAYLOAD};
pub use direction::{Direction, PerDirection, PerSide, Side};
pub use extensions::{BadExtensions, DeflateParameters, Extensions, refuse_compression};
pub use frame::Frame;
pub use handshake::{BadAnswer, BadHandshake, Key, check_answer, check_request, has_token, is_token, tokens};
pub use header::{Header, MAX_HEADER, apply_mask};
pub use inflate::{InflateMeter, MeterScratch, Metering};
pub use inspector::{Inspector, Observe, Rules, Scan, Then};
pub use rate::TokenBucket;
pub use violation::Violation;
