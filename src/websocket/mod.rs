//! RFC 6455 as pure functions: bytes and values in, values out. No sockets, no clock, no allocation per frame.
//!
//! - the opening: [`check_request`], [`check_answer`], [`Extensions`];
//! - what passes: [`Inspector`], with [`TokenBucket`] for rates and [`InflateMeter`] for compressed messages;
//! - what is wrong with it: [`Violation`], or let pass all the same: [`Leniency`];
//! - what we say ourselves: [`Frame`], [`CloseCode`].
//!
//! It does not know limits' defaults, what a violation does to a tunnel, or where bytes come from.

mod close;
mod close_code;
mod control;
mod direction;
mod extensions;
mod frame;
mod handshake;
mod header;
mod inflate;
mod inspector;
mod leniency;
mod observe;
mod rate;
mod violation;

pub use close::{CloseBody, MAX_REASON};
pub use close_code::CloseCode;
pub use control::{ControlFrame, ControlKind, ControlPayload, MAX_CONTROL_PAYLOAD};
pub use direction::{Direction, PerDirection, PerSide, Side};
pub use extensions::{BadExtensions, DeflateParameters, Extensions, refuse_compression, refuse_unknown};
pub use frame::Frame;
pub use handshake::{BadAnswer, BadHandshake, Key, bare_answer, check_answer, check_request};
pub use header::{Header, MAX_HEADER, apply_mask};
pub use inflate::frozen::FrozenMeter;
pub use inflate::{InflateMeter, MeterScratch, Metering};
pub use inspector::frozen::FrozenInspector;
pub use inspector::{Inspector, Rules, Scan, Then};
pub use leniency::{Leniencies, Leniency, Strictness, Tolerance};
pub use observe::Observe;
pub use rate::{BucketLevel, TokenBucket};
pub use violation::Violation;
