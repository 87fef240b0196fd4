//! The head of one frame (RFC 6455 §5.2), as it stands on the wire.
//!
//! Only what can be said without knowing the tunnel is judged here: the length must be minimal (unless it is read leniently)
//! and below 2⁶³.

use super::leniency::Strictness;
use super::violation::Violation;

/// Set in `opcode`: the frame is a control frame (RFC 6455 §5.5).
const CONTROL: u8 = 0x08;

/// The most bytes a frame header has: 2, an extended length of 8 and a masking key of 4.
pub const MAX_HEADER: usize = 14;

/// A whole frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The last frame of its message.
    pub fin: bool,
    /// The three reserved bits where they stand in the first byte: RSV1 is `0x40`.
    pub rsv: u8,
    /// The opcode, `0..=15`.
    pub opcode: u8,
    /// The masking key, if the frame is masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload; less than 2⁶³.
    pub length: u64,
    /// Bytes of this header: `2..=14`.
    pub size: usize,
}

impl Header {
    /// RSV1, which permessage-deflate sets on a compressed message (RFC 7692 §6).
    pub const RSV1: u8 = 0x40;
    /// RSV1, RSV2 and RSV3.
    pub const RSV: u8 = 0x70;

    /// Opcode 0: a frame that continues a message.
    pub const CONTINUATION: u8 = 0x0;
    /// Opcode 1: the first frame of a text message.
    pub const TEXT: u8 = 0x1;
    /// Opcode 2: the first frame of a binary message.
    pub const BINARY: u8 = 0x2;
    /// Opcode 8: Close.
    pub const CLOSE: u8 = 0x8;
    /// Opcode 9: Ping.
    pub const PING: u8 = 0x9;
    /// Opcode 10: Pong.
    pub const PONG: u8 = 0xA;

    /// The header that `input` starts with; `None` while it is not whole.
    #[inline(always)]
    pub fn parse(input: &[u8]) -> Result<Option<Self>, Violation> {
        Self::read(input, Strictness::Strict)
    }

    /// As [`parse`](Self::parse), but where it is lenient the length may have any form that holds it.
    #[inline(always)]
    pub fn read(input: &[u8], strictness: Strictness) -> Result<Option<Self>, Violation> {
        let Some((&[first, second], rest)) = input.split_first_chunk() else { return Ok(None) };
        let (length, rest, size) = match second & 0x7F {
            126 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let length = u64::from(u16::from_be_bytes(*bytes));
                if length < 126 && strictness == Strictness::Strict {
                    return Err(Violation::LengthNotMinimal);
                }
                (length, rest, 4)
            }
            127 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let length = u64::from_be_bytes(*bytes);
                if length <= u64::from(u16::MAX) && strictness == Strictness::Strict {
                    return Err(Violation::LengthNotMinimal);
                }
                if length > u64::MAX >> 1 {
                    return Err(Violation::LengthTooLarge);
                }
                (length, rest, 10)
            }
            length => (u64::from(length), rest, 2),
        };
        let (mask, size) = if second & 0x80 == 0 {
            (None, size)
        } else {
            let Some(mask) = rest.first_chunk() else { return Ok(None) };
            (Some(*mask), size + 4)
        };
        Ok(Some(Self { fin: first & 0x80 != 0, rsv: first & Self::RSV, opcode: first & 0x0F, mask, length, size }))
    }

    /// Whether the length is in its shortest form; only what is read leniently may be otherwise.
    pub(super) fn is_minimal(&self) -> bool {
        let extended = match self.length {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        self.size == 2 + extended + self.mask.map_or(0, |mask| mask.len())
    }

    /// Whether this is a control frame, of a known opcode or of a reserved one.
    #[inline(always)]
    pub fn is_control(&self) -> bool {
        self.opcode & CONTROL != 0
    }
}

/// XORs `data`, which stands `offset` bytes into a payload, with the masking key (RFC 6455 §5.3); twice is nothing.
pub fn apply_mask(data: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut key = mask;
    key.rotate_left(offset % 4);
    let wide = u64::from(u32::from_ne_bytes(key));
    let wide = wide | wide << 32;
    let (words, tail) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(fin: bool, opcode: u8, mask: Option<[u8; 4]>, length: u64, size: usize) -> Header {
        Header { fin, rsv: 0, opcode, mask, length, size }
    }

    #[test]
    fn reads_every_length_form_with_and_without_a_mask() {
        let cases: &[(&[u8], Header)] = &[
            (&[0x81, 0x00], header(true, 1, None, 0, 2)),
            (&[0x02, 0x7D], header(false, 2, None, 125, 2)),
            (&[0x80, 0x7E, 0x00, 0x7E], header(true, 0, None, 126, 4)),
            (&[0x82, 0x7E, 0xFF, 0xFF], header(true, 2, None, 65_535, 4)),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], header(true, 2, None, 65_536, 10)),
            (&[0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], header(true, 2, None, u64::MAX >> 1, 10)),
            (&[0x89, 0x81, 1, 2, 3, 4], header(true, 9, Some([1, 2, 3, 4]), 1, 6)),
            (&[0x82, 0xFE, 1, 0, 1, 2, 3, 4], header(true, 2, Some([1, 2, 3, 4]), 256, 8)),
            (&[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], header(true, 2, Some([1, 2, 3, 4]), 65_536, 14)),
        ];
        for (bytes, expected) in cases {
            let mut long = bytes.to_vec();
            long.extend([0xAA; 20]);
            assert_eq!(Header::parse(&long), Ok(Some(*expected)), "{bytes:02x?}");
            for cut in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..cut]), Ok(None), "{bytes:02x?} cut at {cut}");
            }
        }
    }

    #[test]
    fn tells_the_reserved_bits_apart() {
        for rsv in [0x00, 0x10, 0x20, 0x40, 0x70] {
            assert_eq!(Header::parse(&[0x81 | rsv, 0]).unwrap().unwrap().rsv, rsv);
        }
    }

    #[test]
    fn refuses_a_length_that_a_shorter_form_could_hold() {
        for bytes in [
            &[0x82, 0x7E, 0, 125][..],
            &[0x82, 0x7E, 0, 0],
            &[0x82, 0xFE, 0, 0],
            &[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 255, 255],
        ] {
            assert_eq!(Header::parse(bytes), Err(Violation::LengthNotMinimal), "{bytes:02x?}");
        }
    }

    #[test]
    fn reads_a_length_in_any_form_where_it_is_lenient() {
        let cases: &[(&[u8], Header)] = &[
            (&[0x82, 0x05], header(true, 2, None, 5, 2)),
            (&[0x82, 0x7E, 0, 0], header(true, 2, None, 0, 4)),
            (&[0x82, 0x7E, 0, 125], header(true, 2, None, 125, 4)),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 255, 255], header(true, 2, None, 65_535, 10)),
            (&[0x89, 0xFF, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4], header(true, 9, Some([1, 2, 3, 4]), 3, 14)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Header::read(bytes, Strictness::Lenient), Ok(Some(*expected)), "{bytes:02x?}");
            assert_eq!(expected.is_minimal(), Header::parse(bytes).is_ok(), "{bytes:02x?}");
            for cut in 0..bytes.len() {
                assert_eq!(Header::read(&bytes[..cut], Strictness::Lenient), Ok(None), "{bytes:02x?} cut at {cut}");
            }
        }
        let too_large = [0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Header::read(&too_large, Strictness::Lenient), Err(Violation::LengthTooLarge));
    }

    #[test]
    fn refuses_a_length_with_the_top_bit_set() {
        let bytes = [0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Header::parse(&bytes), Err(Violation::LengthTooLarge));
    }

    #[test]
    fn masks_from_any_offset() {
        let plain: Vec<u8> = (0..64).collect();
        let mask = [0x11, 0x22, 0x44, 0x88];
        let slow: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
        for from in 0..plain.len() {
            for to in from..=plain.len() {
                let mut part = plain[from..to].to_vec();
                apply_mask(&mut part, mask, from);
                assert_eq!(part, slow[from..to], "{from}..{to}");
            }
        }
    }
}
