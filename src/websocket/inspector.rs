//! The inspector: judges the frames of one direction while they stream by.
//!
//! It keeps counters, never bytes: the caller keeps what has not passed yet, so nothing is copied or allocated here, and
//! data payload is not even looked at. Invariants, for any way the stream is cut into scans:
//! - what passed is a prefix of the stream that ends between frames or inside data payload, never inside a header;
//! - a control frame is reported once, whole and legal, and is not part of `passed`;
//! - the first frame that breaks a rule is reported, and nothing of its header passes.

use serde::{Deserialize, Serialize};

use super::close::CloseBody;
use super::control::{ControlFrame, ControlKind, MAX_CONTROL_PAYLOAD};
use super::direction::Direction;
use super::extensions::Extensions;
use super::header::Header;
use super::leniency::{Leniencies, Leniency, Strictness};
use super::observe::{Blind, Observe};
use super::violation::Violation;
use crate::ranges::within;

/// What a direction is held to; `u64::MAX` turns a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whose frames these are: the client masks, the endpoint must not (RFC 6455 §5.1).
    pub direction: Direction,
    /// What the handshake agreed on: it decides which reserved bits are legal.
    pub extensions: Extensions,
    /// Payload bytes of one data frame, as they are on the wire.
    pub max_frame: u64,
    /// Payload bytes of one message, as they are on the wire.
    pub max_message: u64,
    /// Frames of one message; from `u32::MAX` on it is off.
    pub max_fragments: u64,
    /// Whether lengths have to be in their shortest form, and the endpoint's frames unmasked. What is let pass, passes as it came.
    pub strictness: Strictness,
}

/// The state of one direction, between two scans.
///
/// ```text
///            first frame, no FIN
///    ┌──────┐ ────────────────────► ┌────────────┐ ─┐ continuation,
///    │ Idle │                       │ Unfinished │  │ no FIN
///    └──────┘ ◄──────────────────── └────────────┘ ◄┘
///       │       continuation, FIN         │
///       └───────────► Closed ◄────────────┘  a Close frame, which may stand between fragments
/// ```
#[derive(Debug)]
pub struct Inspector {
    /// Payload bytes of the current data frame that have not passed yet.
    remaining: u64,
    /// Payload bytes of the current message's frames so far.
    message_size: u64,
    max_frame: u64,
    max_message: u64,
    max_fragments: u32,
    /// Frames of the current message so far.
    fragments: u32,
    direction: Direction,
    /// The reserved bits that may be set on the first frame of a message.
    first_frame_rsv: u8,
    reserved: Reserved,
    message: MessageState,
    strictness: Strictness,
    /// What was let pass against RFC 6455.
    leniencies: Leniencies,
}

/// Where a direction stands between frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum MessageState {
    /// No message has begun that is not finished.
    Idle,
    /// More frames of the current message will come.
    Unfinished,
    /// A Close frame came: no data frame may follow (RFC 6455 §5.5.1).
    Closed,
}

/// Whether what RFC 6455 reserves for extensions is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reserved {
    /// We know every extension in use.
    Judged,
    /// An extension that we do not know may mean anything by it.
    Passes,
}

/// What one scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Bytes of the input that may go on to the other side.
    pub passed: usize,
    /// Messages that began in them.
    pub messages: u64,
    /// Why the scan ended, and what stands at `input[passed..]`.
    pub then: Then,
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// All of the input passed.
    Exhausted,
    /// `input[passed..]`, at most 138 bytes, is the start of a header or of a control frame: come back with it and more.
    Incomplete,
    /// A whole, legal control frame stands at `input[passed..passed + control.size]`: the caller passes it on or swallows it, and
    /// comes back with what follows it. Or keeps it, unless it is a Close, and comes back with it once more.
    Control(ControlFrame),
    /// The next header would begin a message beyond the number asked for. Nothing of it passed.
    Budget,
    /// The observer wants the rest of this payload at another time.
    Paused,
    /// What stands at `input[passed..]` must not pass. Do not scan again.
    Violation(Violation),
}

/// What a header that was found legal begins.
enum Legal {
    /// The first frame of a message.
    First { rest: MessageState },
    /// A frame that continues a message.
    Continuation { rest: MessageState },
    /// A frame of an opcode that an unknown extension defines: no part of a message, and held to what one of its own would be.
    Opaque,
    /// A control frame.
    Control,
}

impl Inspector {
    /// An inspector at the start of a direction, right after the handshake.
    pub fn new(rules: Rules) -> Self {
        let (first_frame_rsv, reserved) = match rules.extensions {
            Extensions::None => (0, Reserved::Judged),
            Extensions::Deflate(_) => (Header::RSV1, Reserved::Judged),
            Extensions::Unknown => (Header::RSV, Reserved::Passes),
        };
        Self {
            remaining: 0,
            message_size: 0,
            max_frame: rules.max_frame,
            max_message: rules.max_message,
            max_fragments: u32::try_from(rules.max_fragments).unwrap_or(u32::MAX),
            fragments: 0,
            direction: rules.direction,
            first_frame_rsv,
            reserved,
            message: MessageState::Idle,
            strictness: rules.strictness,
            leniencies: Leniencies::default(),
        }
    }

    /// Judges `input`, which starts where the last scan's `passed`, plus the control frame it returned, ended.
    ///
    /// At most `messages` messages may begin in it; `u64::MAX` is no limit.
    pub fn scan(&mut self, input: &[u8], messages: u64) -> Scan {
        self.scan_observed(input, messages, &mut Blind)
    }

    /// As [`scan`](Self::scan), and shows every data frame to `observer`.
    #[inline]
    pub fn scan_observed(&mut self, input: &[u8], messages: u64, observer: &mut impl Observe) -> Scan {
        let mut rest = input;
        let mut began = 0;
        let then = match self.strictness {
            Strictness::Strict => self.advance(&mut rest, &mut began, messages, observer, Strictness::Strict),
            Strictness::Lenient => self.advance_leniently(&mut rest, &mut began, messages, observer),
        };
        if cfg!(debug_assertions) {
            self.check_invariants();
        }
        Scan { passed: input.len() - rest.len(), messages: began, then: then.unwrap_or_else(Then::Violation) }
    }

    /// Whether what has passed so far ends between two frames, so that a frame of ours may stand there.
    pub fn is_at_boundary(&self) -> bool {
        self.remaining == 0
    }

    /// Payload bytes that are missing until the next boundary.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Turns every limit off. A frame that was refused because of one may be scanned again.
    pub fn lift_limits(&mut self) {
        self.max_frame = u64::MAX;
        self.max_message = u64::MAX;
        self.max_fragments = u32::MAX;
    }

    /// What was let pass against RFC 6455.
    pub fn leniencies(&self) -> Leniencies {
        self.leniencies
    }

    /// Panics where an invariant does not hold. Called after every scan where debug assertions are on.
    pub fn check_invariants(&self) {
        assert_eq!(self.flaw(), None, "{self:?}");
    }

    /// Out of the way, so that strict scans neither ask for leniency at each frame nor make room for it.
    #[cold]
    #[inline(never)]
    fn advance_leniently(
        &mut self,
        rest: &mut &[u8],
        began: &mut u64,
        messages: u64,
        observer: &mut impl Observe,
    ) -> Result<Then, Violation> {
        self.advance(rest, began, messages, observer, Strictness::Lenient)
    }

    /// Moves `rest` forward over everything that passes. `strictness` is the inspector's own, known to the compiler.
    #[inline(always)]
    fn advance(
        &mut self,
        rest: &mut &[u8],
        began: &mut u64,
        messages: u64,
        observer: &mut impl Observe,
        strictness: Strictness,
    ) -> Result<Then, Violation> {
        loop {
            if self.remaining > 0 {
                let here = usize::try_from(self.remaining).unwrap_or(usize::MAX);
                let (payload, after) = rest.split_at_checked(here).unwrap_or((rest, &[]));
                let last = payload.len() == here && self.message == MessageState::Idle;
                let taken = if payload.is_empty() { 0 } else { observer.on_payload(payload, last)?.min(payload.len()) };
                self.remaining -= taken as u64;
                if taken < payload.len() {
                    *rest = within(rest, taken..);
                    return Ok(Then::Paused);
                }
                *rest = after;
            }
            if rest.is_empty() {
                return Ok(Then::Exhausted);
            }
            let Some(header) = Header::read(rest, strictness)? else { return Ok(Then::Incomplete) };
            if strictness == Strictness::Lenient {
                self.note_leniencies(&header);
            }
            let (message, message_size, fragments) = match self.judge(&header, strictness)? {
                Legal::Control => return self.control(rest),
                Legal::First { .. } | Legal::Opaque if *began == messages => return Ok(Then::Budget),
                Legal::First { rest } => {
                    *began += 1;
                    (rest, header.length, 1)
                }
                Legal::Continuation { rest } => {
                    (rest, self.message_size.saturating_add(header.length), self.fragments.saturating_add(1))
                }
                Legal::Opaque => {
                    *began += 1;
                    observer.on_message(header.length);
                    (self.message, self.message_size, self.fragments)
                }
            };
            observer.on_frame(&header);
            if header.length == 0 && message == MessageState::Idle {
                observer.on_payload(&[], true)?;
            }
            // Nothing is refused any more: what was, is judged anew after `lift_limits`.
            if header.fin && header.opcode <= Header::BINARY {
                observer.on_message(message_size);
            }
            self.message = message;
            self.message_size = message_size;
            self.fragments = fragments;
            self.remaining = header.length;
            *rest = within(rest, header.size..);
        }
    }

    /// Holds a header to every rule but those on a control frame's payload. Changes nothing.
    #[inline(always)]
    fn judge(&self, header: &Header, strictness: Strictness) -> Result<Legal, Violation> {
        match (self.direction, header.mask) {
            (Direction::FromClient, None) => return Err(Violation::NotMasked),
            (Direction::FromUpstream, Some(_)) if strictness == Strictness::Strict => return Err(Violation::Masked),
            (Direction::FromClient, Some(_)) | (Direction::FromUpstream, _) => {}
        }
        if header.is_control() {
            return self.judge_control(header).map(|()| Legal::Control);
        }
        let rest = if header.fin { MessageState::Idle } else { MessageState::Unfinished };
        match (header.opcode, self.message) {
            (Header::CONTINUATION..=Header::BINARY, MessageState::Closed) => Err(Violation::DataAfterClose),
            (Header::TEXT | Header::BINARY, MessageState::Idle) => {
                if header.rsv & !self.first_frame_rsv != 0 {
                    return Err(Violation::ReservedBits);
                }
                self.judge_size(header.length, header.length, 1)?;
                Ok(Legal::First { rest })
            }
            (Header::CONTINUATION, MessageState::Unfinished) => {
                if header.rsv != 0 && self.reserved == Reserved::Judged {
                    return Err(self.misplaced_rsv(header.rsv, Violation::CompressedContinuation));
                }
                let message_size = self.message_size.saturating_add(header.length);
                self.judge_size(header.length, message_size, self.fragments.saturating_add(1))?;
                Ok(Legal::Continuation { rest })
            }
            (Header::TEXT | Header::BINARY, MessageState::Unfinished) => Err(Violation::MessageUnfinished),
            (Header::CONTINUATION, MessageState::Idle) => Err(Violation::NothingToContinue),
            (_, MessageState::Closed) if self.reserved == Reserved::Passes => Err(Violation::DataAfterClose),
            (_, _) if self.reserved == Reserved::Passes => {
                self.judge_size(header.length, header.length, 1)?;
                Ok(Legal::Opaque)
            }
            (opcode, _) => Err(Violation::ReservedOpcode(opcode)),
        }
    }

    /// Notes what a header has that a strict inspector would refuse.
    fn note_leniencies(&mut self, header: &Header) {
        if !header.is_minimal() {
            self.leniencies.note(Leniency::FrameLength);
        }
        if header.mask.is_some() && self.direction == Direction::FromUpstream {
            self.leniencies.note(Leniency::Masked);
        }
    }

    #[inline(always)]
    fn judge_size(&self, frame_size: u64, message_size: u64, fragments: u32) -> Result<(), Violation> {
        if frame_size > self.max_frame {
            return Err(Violation::FrameTooBig(self.max_frame));
        }
        if message_size > self.max_message {
            return Err(Violation::MessageTooBig(self.max_message));
        }
        if fragments > self.max_fragments {
            return Err(Violation::TooManyFragments(self.max_fragments.into()));
        }
        Ok(())
    }

    /// The rules on every control frame's header (RFC 6455 §5.5), which no extension changes, and on its reserved parts, which one may.
    fn judge_control(&self, header: &Header) -> Result<(), Violation> {
        if self.reserved == Reserved::Judged {
            if header.rsv != 0 {
                return Err(self.misplaced_rsv(header.rsv, Violation::CompressedControl));
            }
            if header.opcode > Header::PONG {
                return Err(Violation::ReservedOpcode(header.opcode));
            }
        }
        if !header.fin {
            return Err(Violation::ControlFragmented);
        }
        if header.length > MAX_CONTROL_PAYLOAD as u64 {
            return Err(Violation::ControlTooLong);
        }
        Ok(())
    }

    /// RSV1 where permessage-deflate does not allow it is `deflate`'s fault, any other bit is nobody's.
    fn misplaced_rsv(&self, rsv: u8, deflate: Violation) -> Violation {
        if rsv == Header::RSV1 && self.first_frame_rsv == Header::RSV1 { deflate } else { Violation::ReservedBits }
    }

    /// A control frame with a legal header: reported once all of it is there.
    ///
    /// Out of the way, and reads the header again, so that the header of a data frame can stay in registers.
    #[cold]
    #[inline(never)]
    fn control(&mut self, rest: &[u8]) -> Result<Then, Violation> {
        let Some(header) = Header::read(rest, self.strictness)? else { return Ok(Then::Incomplete) };
        // What is left is below 126: `judge` saw to it.
        let size = header.size + usize::try_from(header.length).unwrap_or(usize::MAX);
        let Some(frame) = rest.get(..size) else { return Ok(Then::Incomplete) };
        let mut control = ControlFrame::new(ControlKind::of(header.opcode), &header, size);
        if header.opcode == Header::CLOSE {
            // With reserved bits set, an extension may have changed the body.
            if header.rsv == 0 {
                control.kind = ControlKind::Close(CloseBody::parse(&control.payload(frame))?.code);
            }
            self.message = MessageState::Closed;
        }
        Ok(Then::Control(control))
    }
}

pub(super) mod frozen;
#[cfg(test)]
mod lenient;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod scans;
#[cfg(test)]
mod tests;
