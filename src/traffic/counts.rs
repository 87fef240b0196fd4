//! What goes through a tunnel, in numbers.

use serde::{Deserialize, Serialize};

/// What one poll of a tunnel passed on in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// Messages that began.
    pub messages: u64,
    /// Bytes, frame headers included.
    pub bytes: u64,
    /// Pings of the peers' own.
    pub pings: u32,
}

/// What went through in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Data messages that began; 0 in a raw tunnel.
    pub messages: u64,
    /// Bytes passed on, frame headers included, frames of ours not.
    pub bytes: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.messages = self.messages.wrapping_add(other.messages);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}
