//! What the two ends of a tunnel agreed on in `Sec-WebSocket-Extensions` (RFC 6455 §9, RFC 7692).

/// The extensions in use in a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extensions {
    /// None: every reserved bit is 0.
    #[default]
    None,
    /// Only permessage-deflate: RSV1 marks a compressed message.
    Deflate(DeflateParameters),
    /// At least one that we do not know: reserved bits and opcodes are its business.
    Unknown,
}

/// What was agreed on for permessage-deflate (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateParameters {
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The endpoint starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client's window has at most 2 to the power of this many bytes: `8..=15`.
    pub client_max_window_bits: u8,
    /// The endpoint's window has at most 2 to the power of this many bytes: `8..=15`.
    pub server_max_window_bits: u8,
}

impl Default for DeflateParameters {
    fn default() -> Self {
        Self {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: 15,
            server_max_window_bits: 15,
        }
    }
}
