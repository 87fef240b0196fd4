//! What the two sides of a tunnel speak.

use serde::{Deserialize, Serialize};

use crate::websocket::Extensions;

/// What the two sides of a tunnel speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// WebSocket, with what the handshake agreed on: a Ping and a Close of ours may stand between its frames.
    Websocket(Extensions),
    /// Something else: bytes are passed as they come, a half-close is kept, and all that we can send of our own is a FIN.
    Raw,
}

impl Protocol {
    /// Whether frames are what passes.
    pub(super) fn is_websocket(self) -> bool {
        matches!(self, Self::Websocket(_))
    }
}
