//! The frames we make ourselves: Close and Ping.
//!
//! Masked toward the endpoint, unmasked toward the client (RFC 6455 §5.1). The masking key is an argument: nothing here
//! knows randomness.

use std::fmt;
use std::ops::Deref;

use super::close::MAX_REASON;
use super::close_code::CloseCode;
use super::control::MAX_CONTROL_PAYLOAD;
use super::direction::Side;
use super::header::{Header, apply_mask};
use crate::ranges::within;

/// A header of 2 bytes, a masking key of 4 and a payload of 125.
const MAX_FRAME: usize = 6 + MAX_CONTROL_PAYLOAD;

/// A whole control frame, as it goes on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    bytes: [u8; MAX_FRAME],
    /// How many of `bytes` are the frame; ≤ `MAX_FRAME`.
    length: u8,
}

impl Frame {
    /// A Close frame for the side `to`. What of `reason` does not fit into 123 bytes is cut off between two characters; `mask` is
    /// used toward the endpoint only.
    pub fn close(to: Side, code: CloseCode, reason: &str, mask: [u8; 4]) -> Self {
        let (reason, _) = reason.split_at(reason.floor_char_boundary(MAX_REASON));
        Self::new(to, Header::CLOSE, [&code.get().to_be_bytes(), reason.as_bytes()], mask)
    }

    /// A Ping frame for the side `to`, with the first 125 bytes of `payload`; `mask` is used toward the endpoint only.
    pub fn ping(to: Side, payload: &[u8], mask: [u8; 4]) -> Self {
        Self::new(to, Header::PING, [payload, &[]], mask)
    }

    fn new(to: Side, opcode: u8, payload: [&[u8]; 2], mask: [u8; 4]) -> Self {
        let size = payload.iter().map(|part| part.len()).sum::<usize>().min(MAX_CONTROL_PAYLOAD);
        let size = u8::try_from(size).unwrap_or_default();
        let payload = payload.into_iter().flatten().copied();
        let fin = 0x80;
        let mut bytes = [0; MAX_FRAME];
        let length = match to {
            Side::Client => {
                let header = [fin | opcode, size];
                bytes.iter_mut().zip(header.into_iter().chain(payload)).for_each(|(to, from)| *to = from);
                2 + size
            }
            Side::Upstream => {
                let [a, b, c, d] = mask;
                let header = [fin | opcode, 0x80 | size, a, b, c, d];
                bytes.iter_mut().zip(header.into_iter().chain(payload)).for_each(|(to, from)| *to = from);
                let (_, payload) = bytes.split_at_mut(6);
                apply_mask(payload, mask, 0);
                6 + size
            }
        };
        Self { bytes, length }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        within(&self.bytes, ..usize::from(self.length))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:02x?})", &**self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::{ControlFrame, ControlKind, Extensions, Inspector, Rules, Strictness, Then};

    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    /// What our own inspector makes of the frame on its way to `to`.
    fn inspect(to: Side, frame: &Frame) -> (ControlFrame, Vec<u8>) {
        let off = u64::MAX;
        let direction = to.other().sends();
        let rules = Rules {
            direction,
            extensions: Extensions::None,
            max_frame: off,
            max_message: off,
            max_fragments: off,
            strictness: Strictness::Strict,
        };
        let scan = Inspector::new(rules).scan(frame, off);
        let Then::Control(control) = scan.then else { panic!("{scan:?}") };
        assert_eq!((scan.passed, control.size), (0, frame.len()));
        (control, control.payload(frame).to_vec())
    }

    #[test]
    fn is_unmasked_toward_the_client_and_masked_toward_the_endpoint() {
        assert_eq!(*Frame::close(Side::Client, CloseCode::GOING_AWAY, "bye", MASK), *b"\x88\x05\x03\xe9bye");
        assert_eq!(*Frame::ping(Side::Client, b"Hello", MASK), *b"\x89\x05Hello");
        let masked = [0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(*Frame::ping(Side::Upstream, b"Hello", MASK), masked);
    }

    #[test]
    fn is_legal_for_either_side_at_any_length() {
        for to in [Side::Client, Side::Upstream] {
            for size in 0..200 {
                let reason = "r".repeat(size);
                let (control, payload) = inspect(to, &Frame::close(to, CloseCode::MESSAGE_TOO_BIG, &reason, MASK));
                assert_eq!(control.kind, ControlKind::Close(Some(CloseCode::MESSAGE_TOO_BIG)));
                assert_eq!(payload, [b"\x03\xf1", &reason.as_bytes()[..size.min(123)]].concat());
                let (control, payload) = inspect(to, &Frame::ping(to, reason.as_bytes(), MASK));
                assert_eq!((control.kind, payload.len()), (ControlKind::Ping, size.min(125)));
            }
        }
    }

    #[test]
    fn cuts_a_long_reason_between_two_characters() {
        for (unit, kept) in [("é", 122), ("☃", 123), ("🦀", 120)] {
            let frame = Frame::close(Side::Client, CloseCode::GOING_AWAY, &unit.repeat(100), MASK);
            let (_, payload) = inspect(Side::Client, &frame);
            assert_eq!(payload.len(), 2 + kept, "{unit}");
            assert!(str::from_utf8(&payload[2..]).is_ok(), "{unit}");
        }
    }
}
