//! A control frame that the inspector found legal (RFC 6455 §5.5).

use std::ops::Deref;

use super::close_code::CloseCode;
use super::header::{Header, apply_mask};
use crate::ranges::within;

/// The most payload a control frame may have (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// A whole, legal control frame: what it is, not its bytes, which stay with the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlFrame {
    /// What it says.
    pub kind: ControlKind,
    /// Bytes of the whole frame.
    pub size: usize,
    /// Bytes of its header: 2, or 6 with a mask; up to 14 with a length that is not in its shortest form.
    pub header_size: usize,
    /// Its masking key, if it is masked.
    pub mask: Option<[u8; 4]>,
}

/// The kinds of control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// A Ping.
    Ping,
    /// A Pong.
    Pong,
    /// A Close, with its code if it has one that we can read.
    Close(Option<CloseCode>),
    /// One of the opcodes 11–15, which only an extension that we do not know can mean something by.
    Opaque(u8),
}

impl ControlKind {
    pub(super) fn of(opcode: u8) -> Self {
        match opcode {
            Header::CLOSE => Self::Close(None),
            Header::PING => Self::Ping,
            Header::PONG => Self::Pong,
            other => Self::Opaque(other),
        }
    }
}

impl ControlFrame {
    pub(super) fn new(kind: ControlKind, header: &Header, size: usize) -> Self {
        Self { kind, size, header_size: header.size, mask: header.mask }
    }

    /// The payload, unmasked; `frame` starts with the frame, as it stood at `input[passed..]`.
    pub fn payload(&self, frame: &[u8]) -> ControlPayload {
        let mut payload = ControlPayload { bytes: [0; MAX_CONTROL_PAYLOAD], length: 0 };
        let masked = within(frame, self.header_size..self.size);
        for (to, from) in payload.bytes.iter_mut().zip(masked) {
            *to = *from;
            payload.length += 1;
        }
        if let Some(mask) = self.mask {
            apply_mask(&mut payload.bytes, mask, 0);
        }
        payload
    }
}

/// At most 125 bytes, unmasked.
#[derive(Clone, Copy, Debug)]
pub struct ControlPayload {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    length: usize,
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        within(&self.bytes, ..self.length)
    }
}
