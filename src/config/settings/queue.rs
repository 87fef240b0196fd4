//! How many handshakes and tunnels an endpoint gets, and who waits for one.

use std::num::NonZeroU32;
use std::time::Duration;

/// `upstream.NAME.handshakes_at_once`: how many handshakes may be under way on one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeLimits {
    /// At first.
    pub start: NonZeroU32,
    /// At the least, however slow the endpoint becomes; not above `start`.
    pub min: NonZeroU32,
    /// At the most, however quick it is; not below `start`.
    pub max: NonZeroU32,
}

/// `upstream.NAME.queue`: who waits for a place or a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How many.
    pub length: usize,
    /// For how long.
    pub wait: Duration,
}

/// What becomes of who cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It reads 503, and when to come back.
    Refuse,
    /// A WebSocket is accepted and reads Close 1013, which a page can tell from other failures; all else reads 503.
    Close,
}
