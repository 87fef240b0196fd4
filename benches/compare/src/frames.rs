//! Just enough of RFC 6455 to load a proxy: frames are told apart while they stream by. Our masking key is zero, so payload
//! need not be unmasked.

pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// Whose frames are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Tells the frames of one direction apart.
#[derive(Default)]
pub(crate) struct Frames {
    head: [u8; 14],
    held: usize,
    remaining: u64,
    opcode: u8,
}

/// What comes next in a direction.
pub(crate) enum Piece<'a> {
    /// A frame begins.
    Head { opcode: u8, length: u64 },
    /// Some of its payload; the last of it if `is_last`. A frame without payload has one such piece too.
    Payload { opcode: u8, bytes: &'a [u8], is_last: bool },
}

impl Frames {
    /// Takes the next piece off `input`; `None` if more bytes are needed.
    pub(crate) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        if self.held == HEAD_DONE {
            let here = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
            if here == 0 && self.remaining > 0 {
                return None;
            }
            let (bytes, rest) = input.split_at(here);
            *input = rest;
            self.remaining -= here as u64;
            let is_last = self.remaining == 0;
            if is_last {
                self.held = 0;
            }
            return Some(Piece::Payload { opcode: self.opcode, bytes, is_last });
        }
        while let Some((byte, rest)) = input.split_first() {
            self.head[self.held] = *byte;
            self.held += 1;
            *input = rest;
            if let Some(length) = self.length() {
                self.remaining = length;
                self.opcode = self.head[0] & 0x0F;
                self.held = HEAD_DONE;
                return Some(Piece::Head { opcode: self.opcode, length });
            }
        }
        None
    }

    /// The payload's length, once the head is whole.
    fn length(&self) -> Option<u64> {
        let head = &self.head[..self.held];
        let second = *head.get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (size, length) = match second & 0x7F {
            126 => (4, u64::from(u16::from_be_bytes(head.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(head.get(2..10)?.try_into().ok()?)),
            short => (2, u64::from(short)),
        };
        (head.len() == size + mask).then_some(length)
    }
}

/// Stands for "the head is read" in `Frames::held`.
const HEAD_DONE: usize = usize::MAX;

/// Appends the head of a frame.
pub(crate) fn push_head(out: &mut Vec<u8>, role: Role, opcode: u8, length: u64) {
    let masked = if role == Role::Client { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => out.push(masked | length),
        (_, Ok(length)) => {
            out.push(masked | 126);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend(length.to_be_bytes());
        }
    }
    if role == Role::Client {
        out.extend([0; 4]);
    }
}

/// A whole frame of `length` zero bytes.
pub(crate) fn frame(role: Role, opcode: u8, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 14);
    push_head(&mut out, role, opcode, length as u64);
    out.resize(out.len() + length, 0);
    out
}
