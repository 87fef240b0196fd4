//! Frames as tests write and read them: a tiny maker and parser of their own, so that the inspector does not judge
//! itself.

use std::fmt;

use crate::websocket::Side;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A frame, unmasked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The first byte: FIN, RSV, opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

/// What stands at the front of some bytes.
pub(crate) enum Parsed {
    /// A frame, of so many bytes.
    Frame(Frame, usize),
    /// Not all of a header.
    InsideHeader,
    /// A header and not all of its payload.
    InsidePayload,
    Nothing,
}

pub(crate) fn text(text: &str) -> Frame {
    Frame { first: 0x81, payload: text.into() }
}

pub(crate) fn binary(size: usize) -> Frame {
    Frame { first: 0x82, payload: vec![7; size] }
}

/// The first frame of a message of several.
pub(crate) fn begin(text: &str) -> Frame {
    Frame { first: 0x01, payload: text.into() }
}

pub(crate) fn carry_on(text: &str) -> Frame {
    Frame { first: 0x00, payload: text.into() }
}

pub(crate) fn finish(text: &str) -> Frame {
    Frame { first: 0x80, payload: text.into() }
}

pub(crate) fn ping(payload: &str) -> Frame {
    Frame { first: 0x89, payload: payload.into() }
}

pub(crate) fn pong(payload: &[u8]) -> Frame {
    Frame { first: 0x8A, payload: payload.into() }
}

pub(crate) fn close(code: u16, reason: &str) -> Frame {
    Frame { first: 0x88, payload: [&code.to_be_bytes(), reason.as_bytes()].concat() }
}

pub(crate) fn empty_close() -> Frame {
    Frame { first: 0x88, payload: vec![] }
}

/// The header of a frame of `length` bytes that `from` sends.
pub(crate) fn header(from: Side, first: u8, length: u64) -> Vec<u8> {
    let masked = if from == Side::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(masked | length as u8),
        126..=0xFFFF => {
            bytes.push(masked | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    if from == Side::Client {
        bytes.extend(MASK);
    }
    bytes
}

impl Frame {
    pub(crate) fn encode(&self, from: Side) -> Vec<u8> {
        let mut bytes = header(from, self.first, self.payload.len() as u64);
        let mask = if from == Side::Client { MASK } else { [0; 4] };
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    pub(crate) fn is_ping(&self) -> bool {
        self.first == 0x89
    }

    /// The code of a Close; 0 if it has none.
    pub(crate) fn close_code(&self) -> Option<u16> {
        (self.first == 0x88).then(|| self.payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code)))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = self.close_code() {
            return write!(
                f,
                "close({code}, {:?})",
                String::from_utf8_lossy(self.payload.get(2..).unwrap_or_default())
            );
        }
        let shown = &self.payload[..self.payload.len().min(20)];
        write!(f, "frame({:02x}, {} bytes: {:?})", self.first, self.payload.len(), String::from_utf8_lossy(shown))
    }
}

/// Parses what `to` reads; insists on the right masking.
#[track_caller]
pub(crate) fn parse(bytes: &[u8], to: Side) -> Parsed {
    let [first, second, rest @ ..] = bytes else {
        return if bytes.is_empty() { Parsed::Nothing } else { Parsed::InsideHeader };
    };
    assert_eq!(second & 0x80 != 0, to == Side::Upstream, "only what goes to the endpoint is masked");
    let (length, rest) = match second & 0x7F {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Parsed::InsideHeader,
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Parsed::InsideHeader,
        },
        length => (u64::from(length), rest),
    };
    let (mask, rest) = match to {
        Side::Client => ([0; 4], rest),
        Side::Upstream => match rest.split_first_chunk() {
            Some((mask, rest)) => (*mask, rest),
            None => return Parsed::InsideHeader,
        },
    };
    let Some(payload) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
        return Parsed::InsidePayload;
    };
    let size = bytes.len() - rest.len() + payload.len();
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Parsed::Frame(Frame { first: *first, payload }, size)
}
