//! The messages of one direction, put together from pieces.

use tokio::time::Instant;

use super::feed::Piece;
use super::inflater::Inflater;
use super::seen::{Content, Detail, Hidden, Seen, SeenKind};
use crate::websocket::{CloseBody, Direction, Extensions, Header, Strictness, apply_mask};

/// How many bytes of a compressed message are kept until it is whole.
const MOST_COMPRESSED: usize = 1024 * 1024;

/// One direction.
#[derive(Debug)]
pub(super) struct DirectionReader {
    direction: Direction,
    detail: Detail,
    extensions: Extensions,
    inflater: Inflater,
    /// The frame that the last piece ended in, if it did.
    frame: Option<Frame>,
    message: Option<Message>,
    /// Whether the next piece follows the last one.
    is_in_step: bool,
}

/// A frame that is passing.
#[derive(Debug)]
struct Frame {
    header: Header,
    /// Bytes of payload that were seen.
    seen: u64,
    /// A control frame stands for itself, also among the frames of a message.
    control: Option<Message>,
}

/// A message that is passing.
#[derive(Debug)]
struct Message {
    kind: SeenKind,
    bytes: u64,
    frames: u32,
    rsv: u8,
    /// What was kept of its payload, unmasked.
    payload: Vec<u8>,
    is_cut: bool,
}

impl DirectionReader {
    pub(super) fn new(direction: Direction, detail: Detail, extensions: Extensions) -> Self {
        let takes_context_over = match (&extensions, direction) {
            (Extensions::Deflate(it), Direction::FromClient) => !it.client_no_context_takeover,
            (Extensions::Deflate(it), Direction::FromUpstream) => !it.server_no_context_takeover,
            (Extensions::None | Extensions::Unknown, _) => false,
        };
        let inflater = Inflater::new(takes_context_over);
        Self { direction, detail, extensions, inflater, frame: None, message: None, is_in_step: false }
    }

    /// Something is missing.
    pub(super) fn lose_step(&mut self) {
        self.is_in_step = false;
        self.frame = None;
        self.message = None;
        self.inflater.forget();
    }

    /// Reads a piece; what became whole in it.
    pub(super) fn read(&mut self, piece: &Piece) -> Vec<Seen> {
        let mut rest = piece.bytes.as_slice();
        if !self.is_in_step {
            let Some(behind) = usize::try_from(piece.until_boundary).ok().and_then(|missing| rest.get(missing..))
            else {
                return Vec::new();
            };
            rest = behind;
            self.is_in_step = true;
        }
        let mut seen = Vec::new();
        while let Some(next) = self.step(rest, piece.at, &mut seen) {
            rest = next;
        }
        seen
    }

    /// Reads a header, or what there is of a payload; what follows, if anything was read.
    fn step<'b>(&mut self, rest: &'b [u8], at: Instant, seen: &mut Vec<Seen>) -> Option<&'b [u8]> {
        let Some(mut frame) = self.frame.take() else {
            if rest.is_empty() {
                return None;
            }
            // What passed ends between frames or inside a payload, so every header is whole.
            let Ok(Some(header)) = Header::read(rest, Strictness::Lenient) else {
                self.lose_step();
                return None;
            };
            self.frame = Some(self.begin(header));
            return rest.get(header.size..);
        };
        let missing = usize::try_from(frame.header.length - frame.seen).unwrap_or(usize::MAX);
        let (payload, behind) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
        self.take(&mut frame, payload);
        if frame.seen < frame.header.length {
            self.frame = Some(frame);
            return (!behind.is_empty()).then_some(behind);
        }
        if let Some(control) = frame.control {
            seen.push(self.finish(control, at));
        } else if frame.header.fin
            && let Some(message) = self.message.take()
        {
            seen.push(self.finish(message, at));
        }
        Some(behind)
    }

    fn begin(&mut self, header: Header) -> Frame {
        let kind = match header.opcode {
            Header::TEXT => SeenKind::Text,
            Header::BINARY => SeenKind::Binary,
            Header::CONTINUATION => SeenKind::Rest,
            Header::CLOSE => SeenKind::Close,
            Header::PING => SeenKind::Ping,
            Header::PONG => SeenKind::Pong,
            opcode => SeenKind::Opaque(opcode),
        };
        let begun = Message { kind, bytes: 0, frames: 0, rsv: header.rsv, payload: Vec::new(), is_cut: false };
        let control = match kind {
            SeenKind::Text | SeenKind::Binary => {
                self.message = Some(begun);
                None
            }
            SeenKind::Rest => {
                self.message.get_or_insert(begun);
                None
            }
            _ => Some(begun),
        };
        let mut frame = Frame { header, seen: 0, control };
        if let Some(message) = frame.control.as_mut().or(self.message.as_mut()) {
            message.frames = message.frames.saturating_add(1);
            message.bytes = message.bytes.saturating_add(header.length);
        }
        frame
    }

    /// Keeps what of a payload is of use.
    fn take(&mut self, frame: &mut Frame, payload: &[u8]) {
        let offset = usize::try_from(frame.seen % 4).unwrap_or_default();
        frame.seen += payload.len() as u64;
        let Detail::Messages { most } = self.detail else { return };
        let Some(message) = frame.control.as_mut().or(self.message.as_mut()) else { return };
        let most = if message.is_compressed() { MOST_COMPRESSED } else { most };
        let room = most.saturating_sub(message.payload.len());
        let (kept, left) = payload.split_at_checked(room).unwrap_or((payload, &[]));
        message.is_cut |= !left.is_empty();
        let start = message.payload.len();
        message.payload.extend_from_slice(kept);
        if let (Some(mask), Some(new)) = (frame.header.mask, message.payload.get_mut(start..)) {
            apply_mask(new, mask, offset);
        }
    }

    fn finish(&mut self, message: Message, at: Instant) -> Seen {
        let is_compressed = message.is_compressed() && matches!(self.extensions, Extensions::Deflate(_));
        let Message { kind, bytes, frames, .. } = message;
        let content = match self.detail {
            Detail::Headers => Content::None,
            Detail::Messages { most } => self.content(message, most),
        };
        Seen { direction: self.direction, at, kind, bytes, frames, is_compressed, content }
    }

    fn content(&mut self, message: Message, most: usize) -> Content {
        let Message { kind, rsv, payload, is_cut, .. } = message;
        if kind == SeenKind::Rest {
            // It may have been compressed, and what follows may refer to it.
            self.inflater.forget();
            return Content::Hidden(Hidden::Beginning);
        }
        let (payload, is_cut) = match &self.extensions {
            Extensions::Unknown if rsv != 0 => return Content::Hidden(Hidden::UnknownExtension),
            Extensions::Deflate(_) if rsv & Header::RSV1 != 0 && is_cut => {
                self.inflater.forget();
                return Content::Hidden(Hidden::TooLarge);
            }
            Extensions::Deflate(_) if rsv & Header::RSV1 != 0 => match self.inflater.inflate(&payload, most) {
                Ok(inflated) => inflated,
                Err(hidden) => return Content::Hidden(self.inflater.why(hidden)),
            },
            Extensions::None | Extensions::Deflate(_) | Extensions::Unknown => (payload, is_cut),
        };
        match kind {
            SeenKind::Text => text(payload, is_cut),
            SeenKind::Close => match CloseBody::parse(&payload) {
                Ok(body) => Content::Close { code: body.code, reason: body.reason.to_owned() },
                Err(_) => Content::Bytes { bytes: payload, is_cut },
            },
            _ => Content::Bytes { bytes: payload, is_cut },
        }
    }
}

impl Message {
    fn is_compressed(&self) -> bool {
        self.rsv & Header::RSV1 != 0
    }
}

/// A text, which a proxy does not judge: where it is none, its bytes.
fn text(payload: Vec<u8>, is_cut: bool) -> Content {
    match String::from_utf8(payload) {
        Ok(text) => Content::Text { text, is_cut },
        Err(broken) => {
            let (whole, error) = (broken.utf8_error().valid_up_to(), broken.utf8_error());
            // Cut inside of a character.
            if is_cut && error.error_len().is_none() {
                let mut bytes = broken.into_bytes();
                bytes.truncate(whole);
                return Content::Text { text: String::from_utf8_lossy(&bytes).into_owned(), is_cut };
            }
            Content::Bytes { bytes: broken.into_bytes(), is_cut }
        }
    }
}
