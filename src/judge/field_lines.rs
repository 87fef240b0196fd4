//! Header lines, or trailers, up to the empty line that ends them (RFC 9112 §5).

use super::flaw::Flaw;
use super::framing::{Framing, FramingField};
use super::limits::{Limits, Room};
use super::step::Step;
use super::text::{text_length, token_length};
use crate::ranges::within;

/// How far the lines were read.
///
/// ```text
///  LineStart ──► Name ─ : ─► Value ─ CR ─► LineCr ─ LF ─► LineStart ─ CR ─► LastCr ─ LF
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldLines {
    LineStart,
    Name(NameSoFar),
    /// The value of a field that says how the message is framed, or of another.
    Value(Option<FramingField>),
    LineCr,
    /// Behind the CR of the empty line.
    LastCr,
}

/// Which of the fields that frame a message a name may still be, and how many bytes of it were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameSoFar {
    read: usize,
    may_be_length: bool,
    may_be_coding: bool,
}

/// What becomes of the fields that say how a message is framed.
pub(super) enum Section<'f> {
    /// They are read.
    Head(&'f mut Framing),
    /// They have no place there.
    Trailers,
}

impl FieldLines {
    pub(super) fn begin() -> Self {
        Self::LineStart
    }

    /// Reads on; `input` is not empty. Done behind the empty line.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        mut section: Section<'_>,
        limits: &Limits,
        room: &mut Room,
    ) -> Step<()> {
        match *self {
            Self::LineStart => self.line_start(input, limits, room),
            Self::Name(name) => self.name(name, input, &mut section, room),
            Self::Value(field) => self.value(field, input, &mut section, room),
            Self::LineCr => match input.first() {
                Some(b'\n') => {
                    *self = Self::LineStart;
                    room.take_between(1).map(|()| (1, None))
                }
                _ => Err(Flaw::BareCr),
            },
            Self::LastCr => match input.first() {
                Some(b'\n') => room.take_between(1).map(|()| (1, Some(()))),
                _ => Err(Flaw::BareCr),
            },
        }
    }

    fn line_start(&mut self, input: &[u8], limits: &Limits, room: &mut Room) -> Step<()> {
        let passed = usual_lines(input, limits, room);
        if passed > 0 {
            return Ok((passed, None));
        }
        match input.first() {
            Some(b'\r') => {
                *self = Self::LastCr;
                room.take_between(1).map(|()| (1, None))
            }
            Some(b'\n') => Err(Flaw::BareLf),
            Some(b' ' | b'\t') => Err(Flaw::ObsFold),
            Some(b':') => Err(Flaw::EmptyName),
            _ => {
                room.begin_line(limits)?;
                *self = Self::Name(NameSoFar { read: 0, may_be_length: true, may_be_coding: true });
                Ok((0, None))
            }
        }
    }

    fn name(&mut self, mut name: NameSoFar, input: &[u8], section: &mut Section<'_>, room: &mut Room) -> Step<()> {
        let length = token_length(input);
        room.take(length)?;
        name.narrow(within(input, ..length));
        *self = match input.get(length) {
            None => {
                *self = Self::Name(name);
                return Ok((length, None));
            }
            Some(b':') => Self::Value(section.begin_value(name.is())?),
            Some(b' ' | b'\t') => return Err(Flaw::SpaceInName),
            Some(b'\n') => return Err(Flaw::BareLf),
            Some(_) => return Err(Flaw::InvalidName),
        };
        room.take(1)?;
        Ok((length + 1, None))
    }

    fn value(
        &mut self,
        field: Option<FramingField>,
        input: &[u8],
        section: &mut Section<'_>,
        room: &mut Room,
    ) -> Step<()> {
        let length = text_length(input);
        match (field, section) {
            (Some(field), Section::Head(framing)) => {
                // Byte by byte: what is wrong first is told, however the bytes came.
                for &byte in within(input, ..length) {
                    room.take(1)?;
                    framing.read(field, byte)?;
                }
                if input.get(length) == Some(&b'\r') {
                    framing.end_value(field)?;
                }
            }
            _ => room.take(length)?,
        }
        *self = match input.get(length) {
            None => return Ok((length, None)),
            Some(b'\r') => Self::LineCr,
            Some(b'\n') => return Err(Flaw::BareLf),
            Some(_) => return Err(Flaw::ControlByte),
        };
        room.take_between(1)?;
        Ok((length + 1, None))
    }
}

/// How long the lines are, at the front of `input`, that are whole, in order and say nothing of the framing. Most lines are; for
/// whatever else there is, and each that is cut, they are read step by step.
fn usual_lines(input: &[u8], limits: &Limits, room: &mut Room) -> usize {
    let mut passed = 0;
    loop {
        let line = within(input, passed..);
        let name = token_length(line);
        if name == 0 || line.get(name) != Some(&b':') || is_framing(within(line, ..name)) {
            return passed;
        }
        let length = name + 1 + text_length(within(line, name + 1..));
        if line.get(length..length + 2) != Some(b"\r\n") || !room.take_line(length, limits) {
            return passed;
        }
        passed += length + 2;
    }
}

fn is_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(CONTENT_LENGTH) || name.eq_ignore_ascii_case(TRANSFER_ENCODING)
}

impl NameSoFar {
    /// More of it was read.
    fn narrow(&mut self, more: &[u8]) {
        let end = self.read.saturating_add(more.len());
        let goes_on = |name: &[u8]| name.get(self.read..end).is_some_and(|part| part.eq_ignore_ascii_case(more));
        self.may_be_length = self.may_be_length && goes_on(CONTENT_LENGTH);
        self.may_be_coding = self.may_be_coding && goes_on(TRANSFER_ENCODING);
        self.read = end;
    }

    /// Which one it is, now that it is over.
    fn is(self) -> Option<FramingField> {
        match self.read {
            _ if self.may_be_length && self.read == CONTENT_LENGTH.len() => Some(FramingField::Length),
            _ if self.may_be_coding && self.read == TRANSFER_ENCODING.len() => Some(FramingField::Coding),
            _ => None,
        }
    }
}

impl Section<'_> {
    fn begin_value(&mut self, field: Option<FramingField>) -> Result<Option<FramingField>, Flaw> {
        match (&mut *self, field) {
            (Self::Trailers, Some(_)) => Err(Flaw::FramingTrailer),
            (Self::Head(framing), Some(field)) => framing.begin_value(field).map(|()| Some(field)),
            (_, None) => Ok(None),
        }
    }
}

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";
