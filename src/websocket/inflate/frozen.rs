//! A meter between two scans, as a plain value: without its window, which is larger than all the rest of a tunnel.

use serde::{Deserialize, Serialize};

use super::{InflateMeter, MessageCoding};

/// How far a meter has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenMeter {
    size: u64,
    message: MessageCoding,
    mask: Option<[u8; 4]>,
    /// There was something that later bytes may refer to.
    loses_sight: bool,
}

impl FrozenMeter {
    /// Whether what later messages inflate to can no longer be known: for good, or until the end of the message where none refers to
    /// the one before.
    pub fn loses_sight(&self) -> bool {
        self.loses_sight
    }
}

impl InflateMeter {
    /// How far it has come.
    pub fn freeze(&self) -> FrozenMeter {
        let loses_sight = self.inflate.is_some() || self.is_blind;
        FrozenMeter { size: self.size, message: self.message, mask: self.mask, loses_sight }
    }

    /// Brings one that is at its start to where another one has come.
    pub fn thaw(&mut self, frozen: FrozenMeter) {
        let FrozenMeter { size, message, mask, loses_sight } = frozen;
        (self.size, self.message, self.mask) = (size, message, mask);
        self.is_blind = loses_sight;
    }
}
