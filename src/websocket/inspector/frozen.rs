//! What an inspector remembers between two scans, as a plain value; what it holds a direction to is not in it.

use serde::{Deserialize, Serialize};

use super::{Inspector, Leniencies, MessageState, Strictness};

/// How far a direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenInspector {
    remaining: u64,
    message_size: u64,
    fragments: u32,
    message: MessageState,
    leniencies: Leniencies,
}

impl Inspector {
    /// How far the direction has come.
    pub fn freeze(&self) -> FrozenInspector {
        let Self { remaining, message_size, fragments, message, leniencies, .. } = *self;
        FrozenInspector { remaining, message_size, fragments, message, leniencies }
    }

    /// Brings one that is at its start to where another one, under the same rules, has come. Says whether that could be.
    pub fn thaw(&mut self, frozen: &FrozenInspector) -> bool {
        let FrozenInspector { remaining, message_size, fragments, message, leniencies } = *frozen;
        (self.remaining, self.message_size, self.fragments) = (remaining, message_size, fragments);
        (self.message, self.leniencies) = (message, leniencies);
        self.flaw().is_none()
    }

    /// The first invariant that does not hold.
    pub fn flaw(&self) -> Option<&'static str> {
        let is_within_limits = self.message_size <= self.max_message
            && self.fragments <= self.max_fragments
            && self.remaining <= self.max_frame;
        let is_known = self.strictness == Strictness::Lenient || self.leniencies == Leniencies::default();
        [
            (!is_within_limits, "more has passed than may"),
            (self.message == MessageState::Unfinished && self.fragments == 0, "a message of no frames"),
            (self.message == MessageState::Closed && self.remaining > 0, "a Close inside a frame"),
            (!is_known, "something was let pass"),
        ]
        .into_iter()
        .find_map(|(is_broken, flaw)| is_broken.then_some(flaw))
    }
}
