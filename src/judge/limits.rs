//! How large a head may be, and how much of that is left.

use super::flaw::Flaw;

/// What a head is held to; what follows a body is held to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all of it, with the empty lines before it and the one behind it.
    pub head: u32,
    /// Its lines, but for the first one.
    pub lines: u32,
    /// Bytes of one line, without its end.
    pub line: u32,
    /// Bytes of a request's target.
    pub target: u32,
}

/// What is left of the limits in the middle of a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    head: u32,
    lines: u32,
    /// Of the line at hand, or the part of it that has a limit of its own.
    part: u32,
    /// What it is if that is not enough.
    part_flaw: Flaw,
}

impl Room {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { head: limits.head, lines: limits.lines, part: limits.line, part_flaw: Flaw::HeaderLineTooLong }
    }

    /// A part begins that has `limit` bytes at the most.
    pub(super) fn begin_part(&mut self, limit: u32, flaw: Flaw) {
        (self.part, self.part_flaw) = (limit, flaw);
    }

    /// Another line begins.
    pub(super) fn begin_line(&mut self, limits: &Limits) -> Result<(), Flaw> {
        self.lines = self.lines.checked_sub(1).ok_or(Flaw::TooManyHeaderLines)?;
        self.begin_part(limits.line, Flaw::HeaderLineTooLong);
        Ok(())
    }

    /// So many bytes more of the part at hand. Which limit is broken first decides, however the bytes came.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Flaw> {
        let first = self.part.min(self.head);
        match u32::try_from(bytes) {
            Ok(bytes) if bytes <= first => {
                (self.part, self.head) = (self.part - bytes, self.head - bytes);
                Ok(())
            }
            _ if self.head < self.part => Err(Flaw::HeadTooLarge),
            _ => Err(self.part_flaw),
        }
    }

    /// A whole line of so many bytes, and the CRLF behind it; `false` if there is no room for it.
    pub(super) fn take_line(&mut self, bytes: usize, limits: &Limits) -> bool {
        let taken = u32::try_from(bytes).ok().filter(|&bytes| bytes <= limits.line).and_then(|bytes| {
            let head = self.head.checked_sub(bytes)?.checked_sub(2)?;
            Some((head, self.lines.checked_sub(1)?))
        });
        if let Some((head, lines)) = taken {
            (self.head, self.lines) = (head, lines);
        }
        taken.is_some()
    }

    /// So many bytes of a line's end, or of what parts its parts.
    pub(super) fn take_between(&mut self, bytes: u32) -> Result<(), Flaw> {
        self.head = self.head.checked_sub(bytes).ok_or(Flaw::HeadTooLarge)?;
        Ok(())
    }
}
