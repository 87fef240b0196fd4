//! What is seen of a message.

use tokio::time::Instant;

use crate::websocket::{CloseCode, Direction};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Opcodes, sizes and times.
    Headers,
    /// Also what messages say, so many bytes of each at the most.
    Messages {
        /// The bytes.
        most: usize,
    },
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapEvent {
    /// A message, or a control frame, is whole.
    Seen(Seen),
    /// Something is missing here: it came faster than it was read.
    Missing,
}

/// A message or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In which direction it went.
    pub direction: Direction,
    /// When its end passed.
    pub at: Instant,
    /// What it is.
    pub kind: SeenKind,
    /// Bytes of payload, as they stood on the wire.
    pub bytes: u64,
    /// Frames that it consisted of, as far as they were seen.
    pub frames: u32,
    /// Whether it was compressed.
    pub is_compressed: bool,
    /// What it says.
    pub content: Content,
}

/// What is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenKind {
    /// A text message.
    Text,
    /// A binary message.
    Binary,
    /// The end of a message whose beginning was not seen.
    Rest,
    /// A Ping.
    Ping,
    /// A Pong.
    Pong,
    /// A Close.
    Close,
    /// A frame whose opcode an extension defines that we do not know.
    Opaque(u8),
    /// Bytes of a tunnel that is no WebSocket.
    Raw,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It was not asked for, or may not be shown.
    None,
    /// A text, or its beginning.
    Text {
        /// The text.
        text: String,
        /// Whether there is more.
        is_cut: bool,
    },
    /// Bytes, or the first of them.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether there are more.
        is_cut: bool,
    },
    /// The body of a Close.
    Close {
        /// Its code.
        code: Option<CloseCode>,
        /// Its reason.
        reason: String,
    },
    /// It cannot be shown.
    Hidden(Hidden),
}

/// Why something cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// It is compressed, and refers to what passed before the tap began, or was missed.
    Context,
    /// It is compressed, and not as RFC 7692 has it.
    Corrupt,
    /// It is compressed, and too large to be inflated here.
    TooLarge,
    /// An extension is in use that we do not know.
    UnknownExtension,
    /// Its beginning was not seen.
    Beginning,
}

impl SeenKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Rest => "rest",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Close => "close",
            Self::Opaque(_) => "opaque",
            Self::Raw => "raw",
        }
    }
}

impl Hidden {
    /// Why, in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Context => "compressed, with a context from before the tap, or before something that it missed",
            Self::Corrupt => "compressed, and cannot be inflated",
            Self::TooLarge => "compressed, and too large to be inflated here",
            Self::UnknownExtension => "an extension is in use that windlass does not know",
            Self::Beginning => "its beginning was not seen",
        }
    }
}
