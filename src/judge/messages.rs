//! One direction of a connection: a message after another.

use super::chunks::Chunks;
use super::field_lines::{FieldLines, Section};
use super::flaw::Flaw;
use super::framing::{Framing, Length, Sender};
use super::limits::{Limits, Room};
use super::request_line::RequestLine;
use super::status_line::{Status, StatusLine};
use crate::ranges::within;

/// Judges the requests of a client, or the answers of an endpoint, while they stream by.
///
/// ```text
///  Before ──► RequestLine ──► Head ──► Sized | Chunked ──► Before
///    └──────► StatusLine ───► Head ──► Sized | Chunked | UntilClose ──► Before
///                               └─ 1xx ─► Before
/// ```
#[derive(Debug)]
pub struct Judge {
    limits: Limits,
    sender: Sender,
    /// What the answer at hand answers.
    asked: Asked,
    part: Part,
    room: Room,
}

/// What part of a message is at hand.
#[derive(Debug)]
enum Part {
    /// Nothing of it, or an empty line before it (RFC 9112 §2.2).
    Before,
    /// Behind the CR of such a line.
    BeforeCr,
    RequestLine(RequestLine),
    StatusLine(StatusLine),
    Head {
        code: Option<u16>,
        framing: Framing,
        lines: FieldLines,
    },
    /// So many bytes of the body are still to come.
    Sized(u64),
    Chunked(Chunks),
    /// The body goes on until the connection ends, or another protocol does.
    UntilClose,
}

/// What an answer answers: its head alone does not tell whether it has a body (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A request by HEAD.
    ForHead,
    /// Any other request.
    ForAll,
}

/// What one scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Bytes of the input that may be read by a parser.
    pub passed: usize,
    /// Why the scan ended, and what stands at `input[passed..]`.
    pub then: Then,
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// All of the input passed, and more of the message is to come.
    Exhausted,
    /// The message ends with what passed. What follows it is to be scanned anew: the next one, or nothing of HTTP any more.
    MessageEnds,
    /// What follows must not pass. Do not scan again.
    Flawed(Flaw),
}

impl Judge {
    /// Judges requests.
    pub fn of_requests(limits: Limits) -> Self {
        Self::new(Sender::Client, limits)
    }

    /// Judges answers, each to a request that was [told](Self::expect) before.
    pub fn of_answers() -> Self {
        Self::new(Sender::Endpoint, ANSWERS)
    }

    fn new(sender: Sender, limits: Limits) -> Self {
        Self { limits, sender, asked: Asked::ForAll, part: Part::Before, room: Room::of(&limits) }
    }

    /// What the next answer is to.
    pub fn expect(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// Whether nothing of the next message has come.
    pub fn is_between(&self) -> bool {
        matches!(self.part, Part::Before)
    }

    /// Whether the head of a message is at hand, or nothing of it yet.
    pub fn is_in_head(&self) -> bool {
        !matches!(self.part, Part::Sized(_) | Part::Chunked(_) | Part::UntilClose)
    }

    /// Judges the next bytes, up to the end of the message at the most.
    pub fn scan(&mut self, input: &[u8]) -> Scan {
        let mut passed = 0;
        while passed < input.len() {
            match self.step(within(input, passed..)) {
                Ok((taken, ends)) => {
                    passed += taken;
                    if ends.is_some() {
                        self.begin();
                        return Scan { passed, then: Then::MessageEnds };
                    }
                }
                Err(flaw) => return Scan { passed, then: Then::Flawed(flaw) },
            }
        }
        Scan { passed, then: Then::Exhausted }
    }

    /// Nothing of the next message has come.
    fn begin(&mut self) {
        self.part = Part::Before;
        self.room = Room::of(&self.limits);
    }

    /// How many bytes of the input, which is not empty, the part at hand takes; the end of the message, if they reach it.
    fn step(&mut self, input: &[u8]) -> Result<(usize, Option<()>), Flaw> {
        let Self { limits, sender, part, room, .. } = self;
        match part {
            Part::Before => self.before(input),
            Part::BeforeCr => match input.first() {
                Some(b'\n') => {
                    room.take_between(1)?;
                    *part = Part::Before;
                    Ok((1, None))
                }
                _ => Err(Flaw::BareCr),
            },
            Part::RequestLine(line) => {
                let (taken, version) = line.step(input, limits, room)?;
                if let Some(version) = version {
                    let framing = Framing::of(*sender, version);
                    *part = Part::Head { code: None, framing, lines: FieldLines::begin() };
                }
                Ok((taken, None))
            }
            Part::StatusLine(line) => {
                let (taken, status) = line.step(input, room)?;
                if let Some(Status { version, code }) = status {
                    let framing = Framing::of(*sender, version);
                    *part = Part::Head { code: Some(code), framing, lines: FieldLines::begin() };
                }
                Ok((taken, None))
            }
            Part::Head { code, framing, lines } => {
                let (taken, done) = lines.step(input, Section::Head(framing), limits, room)?;
                let (code, length) = (*code, framing.length());
                Ok((taken, done.and_then(|()| self.end_head(code, length))))
            }
            Part::Sized(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left = left.saturating_sub(taken as u64);
                Ok((taken, (*left == 0).then_some(())))
            }
            Part::Chunked(chunks) => chunks.step(input, limits),
            Part::UntilClose => Ok((input.len(), None)),
        }
    }

    fn before(&mut self, input: &[u8]) -> Result<(usize, Option<()>), Flaw> {
        self.part = match (input.first(), self.sender) {
            (Some(b'\r'), _) => {
                self.room.take_between(1)?;
                self.part = Part::BeforeCr;
                return Ok((1, None));
            }
            (Some(b'\n'), _) => return Err(Flaw::BareLf),
            (_, Sender::Client) => Part::RequestLine(RequestLine::begin(&mut self.room)),
            (_, Sender::Endpoint) => Part::StatusLine(StatusLine::begin()),
        };
        Ok((0, None))
    }

    /// What follows a head. The end of the message, if it has no body.
    fn end_head(&mut self, code: Option<u16>, length: Length) -> Option<()> {
        self.part = match (code, length) {
            (Some(SWITCHING_PROTOCOLS), _) => Part::UntilClose,
            // Another head follows (RFC 9110 §15.2).
            (Some(100..200), _) => {
                self.begin();
                return None;
            }
            (Some(NO_CONTENT | NOT_MODIFIED), _) => return Some(()),
            (Some(_), _) if self.asked == Asked::ForHead => return Some(()),
            (_, Length::Sized(0)) | (None, Length::Unsaid) => return Some(()),
            (_, Length::Sized(length)) => Part::Sized(length),
            (_, Length::Chunked) => Part::Chunked(Chunks::begin()),
            (Some(_), Length::Unsaid) => Part::UntilClose,
        };
        None
    }
}

/// What heads of answers, and trailers behind them, are held to.
const ANSWERS: Limits = Limits { head: 64 * 1024, lines: 100, line: 64 * 1024, target: 0 };

const SWITCHING_PROTOCOLS: u16 = 101;
const NO_CONTENT: u16 = 204;
const NOT_MODIFIED: u16 = 304;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
