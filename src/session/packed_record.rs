//! The parts of a packed [`TunnelRecord`](super::tunnel_record::TunnelRecord), as they stand behind one another.

use crate::traces::TraceContext;

/// The parts of a record.
pub(super) struct Packed<'t> {
    /// The port, the flags, and how it was placed.
    pub(super) known: [u8; 4],
    /// How often its tunnel was moved.
    pub(super) moves: u16,
    /// Where the request is traced.
    pub(super) trace: Option<&'t [u8; TraceContext::LENGTH]>,
    /// That of the request; `None` where it has a name, which is among the texts.
    pub(super) number: Option<&'t [u8; 8]>,
    /// With a NUL between them.
    pub(super) texts: &'t str,
}

impl<'t> Packed<'t> {
    /// `None` where a part is missing, or a text is none.
    pub(super) fn of(bytes: &'t [u8]) -> Option<Self> {
        let (&known, bytes) = bytes.split_first_chunk()?;
        let [_, _, flags, _] = known;
        let (moves, bytes) = part(flags & HAS_MOVED, bytes)?;
        let (trace, bytes) = part(flags & HAS_TRACE, bytes)?;
        let (number, bytes) = part(!flags & HAS_REQUEST_NAME, bytes)?;
        let moves = moves.map_or(0, |moves| u16::from_be_bytes(*moves));
        Some(Self { known, moves, trace, number, texts: str::from_utf8(bytes).ok()? })
    }

    /// Whether a record can be of these: each flag means something, and each text is there.
    pub(super) fn is_whole(&self) -> bool {
        let [_, _, flags, _] = self.known;
        let texts = self.texts.split('\0').count();
        let before_headers = if self.number.is_none() { 4 } else { 3 };
        let is_paired = texts.checked_sub(before_headers).is_some_and(|headers| headers.is_multiple_of(2));
        flags & !ALL == 0 && is_paired
    }
}

impl Default for Packed<'_> {
    /// Of nothing.
    fn default() -> Self {
        Self { known: [0; 4], moves: 0, trace: None, number: Some(&[0; 8]), texts: "" }
    }
}

/// The part that stands first where its `flag` is set, and the rest; `None` where it should be there and is not.
fn part<const N: usize>(flag: u8, bytes: &[u8]) -> Option<(Option<&[u8; N]>, &[u8])> {
    if flag == 0 {
        return Some((None, bytes));
    }
    bytes.split_first_chunk().map(|(part, rest)| (Some(part), rest))
}

/// The port is the client's own.
pub(super) const PORT_OF_CLIENT: u8 = 1;
/// The client speaks HTTP/2.
pub(super) const SPEAKS_HTTP2: u8 = 2;
/// The request has a name, and no number.
pub(super) const HAS_REQUEST_NAME: u8 = 4;
/// The request is traced.
pub(super) const HAS_TRACE: u8 = 8;
/// The tunnel was moved.
pub(super) const HAS_MOVED: u8 = 16;

const ALL: u8 = PORT_OF_CLIENT | SPEAKS_HTTP2 | HAS_REQUEST_NAME | HAS_TRACE | HAS_MOVED;
