//! What an operator sees of one tunnel's messages while it is open: a copy of what passes, put together elsewhere.
//!
//! ```text
//! tunnel ──▶ Tap: a copy of each read, if there is room ──▶ TapFeed ──▶ TapReader: messages, unmasked and inflated, cut to a size
//! ```
//!
//! What it does not: sockets, who may look, how it is written. Invariants: the tunnel never waits, and does no more than to copy; what
//! finds no room is missing, and said to be; of what was compressed only that is shown which refers to nothing that was not seen.

mod direction_reader;
mod feed;
mod inflater;
mod reader;
mod seen;

pub use feed::{Piece, Tap, TapFeed, tap};
pub use reader::TapReader;
pub use seen::{Content, Detail, Hidden, Seen, SeenKind, TapEvent};
