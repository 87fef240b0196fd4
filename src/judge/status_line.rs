//! The first line of an answer (RFC 9112 §4).

use http::Version;

use super::flaw::Flaw;
use super::limits::Room;
use super::malformed::Malformed;
use super::step::{PREFIX, Step};
use super::text::text_length;

/// How far the line was read.
///
/// ```text
///  Version ──► BeforeStatus ─ SP ─► Status ─► Reason ─ CR ─► End ─ LF
///    └──────────────┴─────────────────┴──► Malformed
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) enum StatusLine {
    /// So many bytes of `HTTP/1.` were read.
    Version(u8),
    BeforeStatus(Version),
    /// So many digits of it, and what they make.
    Status(Version, u8, u16),
    /// The reason, which may be empty, or left out with the space before it.
    Reason(Status),
    ReasonCr(Status),
    /// It is no status line.
    Malformed(Malformed),
}

/// What a status line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) version: Version,
    pub(super) code: u16,
}

impl StatusLine {
    pub(super) fn begin() -> Self {
        Self::Version(0)
    }

    /// Reads on; `input` is not empty. What the line says, once it is over.
    pub(super) fn step(&mut self, input: &[u8], room: &mut Room) -> Step<Status> {
        if let (Self::Version(0), Some(code)) = (&self, usual_code(input)) {
            room.take(USUAL.len() + 3)?;
            *self = Self::Reason(Status { version: Version::HTTP_11, code });
            return Ok((USUAL.len() + 3, None));
        }
        let next = input.first().copied().unwrap_or_default();
        *self = match *self {
            Self::Version(read) => match PREFIX.get(usize::from(read)) {
                Some(&expected) if expected == next => Self::Version(read + 1),
                None if next == b'1' => Self::BeforeStatus(Version::HTTP_11),
                None if next == b'0' => Self::BeforeStatus(Version::HTTP_10),
                _ => return Ok(self.give_up()),
            },
            Self::BeforeStatus(version) if next == b' ' => Self::Status(version, 0, 0),
            Self::Status(version, digits @ 0..3, code) if next.is_ascii_digit() => {
                Self::Status(version, digits + 1, code * 10 + u16::from(next - b'0'))
            }
            Self::Status(version, 3, code) if matches!(next, b' ' | b'\r' | b'\n') => {
                *self = Self::Reason(Status { version, code });
                // What follows it is a reason with its space, or the end of the line.
                return Ok((0, None));
            }
            Self::Reason(status) => return self.reason(status, input, room),
            Self::ReasonCr(status) => match next {
                b'\n' => return room.take_between(1).map(|()| (1, Some(status))),
                _ => return Err(Flaw::BareCr),
            },
            Self::Malformed(ref mut malformed) => return malformed.step(input, room).map(|passed| (passed, None)),
            Self::BeforeStatus(_) | Self::Status(..) => return Ok(self.give_up()),
        };
        room.take(1)?;
        Ok((1, None))
    }

    fn reason(&mut self, status: Status, input: &[u8], room: &mut Room) -> Step<Status> {
        let length = text_length(input);
        room.take(length)?;
        match input.get(length) {
            None => return Ok((length, None)),
            Some(b'\r') => *self = Self::ReasonCr(status),
            Some(b'\n') => return Err(Flaw::BareLf),
            Some(_) => return Err(Flaw::ControlByte),
        }
        room.take_between(1)?;
        Ok((length + 1, None))
    }

    fn give_up(&mut self) -> (usize, Option<Status>) {
        *self = Self::Malformed(Malformed::Line);
        (0, None)
    }
}

/// The code of a line that begins as nearly every one does.
fn usual_code(input: &[u8]) -> Option<u16> {
    let [hundreds, tens, ones, b' ' | b'\r', ..] = input.strip_prefix(USUAL)? else { return None };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    Some(digit(hundreds)? * 100 + digit(tens)? * 10 + digit(ones)?)
}

const USUAL: &[u8] = b"HTTP/1.1 ";
