//! A body in chunks (RFC 9112 §7.1), with the trailers behind it.

use super::field_lines::{FieldLines, Section};
use super::flaw::Flaw;
use super::framing::ABSURD;
use super::limits::{Limits, Room};
use super::step::Step;
use super::text::{is_blank, text_length};

/// How far the body was read.
///
/// ```text
///  BeforeSize ──► Size ──► (Blank ──► Extension) ─ CR ─► SizeCr ─ LF ─► Data ──► DataCr ──► DataLf ──► BeforeSize
///                                                                 └─ 0 ─► Trailers
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunks {
    BeforeSize,
    Size(u64),
    /// White space behind the size: there are those who pad it.
    Blank(u64),
    Extension(u64),
    SizeCr(u64),
    /// So many bytes are still to come.
    Data(u64),
    DataCr,
    DataLf,
    Trailers(FieldLines, Room),
}

impl Chunks {
    pub(super) fn begin() -> Self {
        Self::BeforeSize
    }

    /// Reads on; `input` is not empty. Done behind the trailers.
    pub(super) fn step(&mut self, input: &[u8], limits: &Limits) -> Step<()> {
        let next = input.first().copied().unwrap_or_default();
        *self = match *self {
            Self::BeforeSize => Self::Size(digit(next).ok_or(Flaw::BrokenChunk)?),
            Self::Size(size) => match digit(next) {
                Some(digit) => Self::Size(longer(size, digit)?),
                None => Self::behind_size(size, next)?,
            },
            Self::Blank(size) => Self::behind_size(size, next)?,
            Self::Extension(size) => return self.extension(size, input),
            Self::SizeCr(size) => match (next, size) {
                (b'\n', 0) => Self::Trailers(FieldLines::begin(), Room::of(limits)),
                (b'\n', size) => Self::Data(size),
                _ => return Err(Flaw::BareCr),
            },
            Self::Data(left) => return Ok((self.data(left, input), None)),
            Self::DataCr if next == b'\r' => Self::DataLf,
            Self::DataLf if next == b'\n' => Self::BeforeSize,
            Self::DataCr if next == b'\n' => return Err(Flaw::BareLf),
            Self::DataCr => return Err(Flaw::BrokenChunk),
            Self::DataLf => return Err(Flaw::BareCr),
            Self::Trailers(ref mut lines, ref mut room) => return lines.step(input, Section::Trailers, limits, room),
        };
        Ok((1, None))
    }

    /// What follows the digits of a size.
    fn behind_size(size: u64, next: u8) -> Result<Self, Flaw> {
        match next {
            b'\r' => Ok(Self::SizeCr(size)),
            b';' => Ok(Self::Extension(size)),
            b'\n' => Err(Flaw::BareLf),
            byte if is_blank(byte) => Ok(Self::Blank(size)),
            byte if byte.is_ascii_control() => Err(Flaw::ControlByte),
            _ => Err(Flaw::BrokenChunk),
        }
    }

    fn extension(&mut self, size: u64, input: &[u8]) -> Step<()> {
        let length = text_length(input);
        match input.get(length) {
            None => return Ok((length, None)),
            Some(b'\r') => *self = Self::SizeCr(size),
            Some(b'\n') => return Err(Flaw::BareLf),
            Some(_) => return Err(Flaw::ControlByte),
        }
        Ok((length + 1, None))
    }

    fn data(&mut self, left: u64, input: &[u8]) -> usize {
        let passed = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        *self = match left.saturating_sub(passed as u64) {
            0 => Self::DataCr,
            left => Self::Data(left),
        };
        passed
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// A size with one more digit.
fn longer(size: u64, digit: u64) -> Result<u64, Flaw> {
    let size = size.checked_mul(16).and_then(|size| size.checked_add(digit));
    size.filter(|&size| size < ABSURD).ok_or(Flaw::ChunkTooLarge)
}
