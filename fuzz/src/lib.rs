//! The pure layers of Windlass, compiled from the same files, and what must hold of them for any input.

extern crate self as windlass;

#[path = "../../src/grammar/mod.rs"]
pub mod grammar;
#[path = "../../src/ranges.rs"]
pub mod ranges;
#[path = "../../src/websocket/mod.rs"]
pub mod websocket;

pub mod properties;
#[cfg(feature = "records")]
pub mod records;
#[cfg(feature = "records")]
pub mod tls;
