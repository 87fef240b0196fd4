//! The first line of a request (RFC 9112 §3).

use http::Version;

use super::flaw::Flaw;
use super::limits::{Limits, Room};
use super::malformed::Malformed;
use super::step::{PREFIX, Step};
use super::text::{target_length, token_length};

/// How far the line was read.
///
/// ```text
///  Method ─ SP ─► BeforeTarget ──► Target ─ SP ─► Version ─ CR ─► End ─ LF
///    └──────────────┴───────────────┴───────────────┴──► Malformed
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) enum RequestLine {
    BeforeMethod,
    Method,
    BeforeTarget,
    Target,
    /// Behind a CR that ends the target, where a version should be.
    TargetCr,
    /// So many bytes of `HTTP/1.` were read.
    Version(u8),
    /// The version was read.
    Versioned(Version),
    /// The CR behind it, too.
    VersionCr(Version),
    /// It is no request line.
    Malformed(Malformed),
}

impl RequestLine {
    pub(super) fn begin(room: &mut Room) -> Self {
        room.begin_part(LONGEST_METHOD, Flaw::MethodTooLong);
        Self::BeforeMethod
    }

    /// Reads on; `input` is not empty. The version, once the line is over.
    pub(super) fn step(&mut self, input: &[u8], limits: &Limits, room: &mut Room) -> Step<Version> {
        match self {
            Self::BeforeMethod | Self::Method => self.method(input, limits, room),
            Self::BeforeTarget | Self::Target => self.target(input, room),
            Self::TargetCr => match input.first() {
                // A line without a version.
                Some(b'\n') => Ok(self.give_up(0)),
                _ => Err(Flaw::BareCr),
            },
            Self::Version(read) => {
                let read = *read;
                self.version(read, input, room)
            }
            Self::Versioned(version) => {
                let version = *version;
                self.versioned(version, input, room)
            }
            Self::VersionCr(version) => match input.first() {
                Some(b'\n') => room.take_between(1).map(|()| (1, Some(*version))),
                _ => Err(Flaw::BareCr),
            },
            Self::Malformed(malformed) => malformed.step(input, room).map(|passed| (passed, None)),
        }
    }

    fn method(&mut self, input: &[u8], limits: &Limits, room: &mut Room) -> Step<Version> {
        let length = token_length(input);
        room.take(length)?;
        if length > 0 {
            *self = Self::Method;
        }
        match (input.get(length), &self) {
            (None, _) => Ok((length, None)),
            (Some(b' '), Self::Method) => {
                room.take_between(1)?;
                room.begin_part(limits.target, Flaw::TargetTooLong);
                *self = Self::BeforeTarget;
                Ok((length + 1, None))
            }
            _ => Ok(self.give_up(length)),
        }
    }

    fn target(&mut self, input: &[u8], room: &mut Room) -> Step<Version> {
        let length = target_length(input);
        room.take(length)?;
        if length > 0 {
            *self = Self::Target;
        }
        *self = match (input.get(length), &self) {
            (None, _) => return Ok((length, None)),
            (Some(b' '), Self::Target) => Self::Version(0),
            (Some(b' '), _) => return Ok(self.give_up(length)),
            (Some(b'\r'), _) => Self::TargetCr,
            (Some(b'\n'), _) => return Err(Flaw::BareLf),
            (Some(_), _) => return Err(Flaw::ControlByte),
        };
        room.take_between(1)?;
        Ok((length + 1, None))
    }

    fn version(&mut self, read: u8, input: &[u8], room: &mut Room) -> Step<Version> {
        if read == 0 && input.starts_with(USUAL_END) {
            room.take_between(USUAL_END.len() as u32)?;
            return Ok((USUAL_END.len(), Some(Version::HTTP_11)));
        }
        *self = match (input.first(), PREFIX.get(usize::from(read))) {
            (next, Some(expected)) if next == Some(expected) => Self::Version(read + 1),
            (Some(b'1'), None) => Self::Versioned(Version::HTTP_11),
            (Some(b'0'), None) => Self::Versioned(Version::HTTP_10),
            _ => return Ok(self.give_up(0)),
        };
        room.take_between(1)?;
        Ok((1, None))
    }

    fn versioned(&mut self, version: Version, input: &[u8], room: &mut Room) -> Step<Version> {
        match input.first() {
            Some(b'\r') => *self = Self::VersionCr(version),
            Some(b'\n') => return Err(Flaw::BareLf),
            _ => return Ok(self.give_up(0)),
        }
        room.take_between(1)?;
        Ok((1, None))
    }

    /// What stands at `input[passed..]` makes it no request line.
    fn give_up(&mut self, passed: usize) -> (usize, Option<Version>) {
        *self = Self::Malformed(Malformed::Line);
        (passed, None)
    }
}

/// How nearly every request line ends.
const USUAL_END: &[u8] = b"HTTP/1.1\r\n";

/// Bytes; the longest of the registered methods, UPDATEREDIRECTREF, has 17.
pub const LONGEST_METHOD: u32 = 32;
