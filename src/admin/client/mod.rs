//! The other end: how a command asks a running process.
//!
//! One request over one connection. Invariants: no answer is waited for longer than the process says it takes; what comes is bounded.

mod answering;
mod asking;

pub use answering::{BrokenOff, Lines};
pub use asking::{AskError, Client, ParsedAnswer, REPLY_WITHIN};
