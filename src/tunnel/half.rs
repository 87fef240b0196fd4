//! One direction of a tunnel: what was read, judged; what may go on, said.

use tokio::time::Instant;

use super::outcome::Counts;
use super::rates::Rates;
use super::scratch::HEAD;
use crate::websocket::{CloseCode, Control, ControlKind, Inspector, Then, Violation};

/// The payload of our own pings, by which their pongs are known.
pub(super) type Mark = [u8; 8];

/// One direction.
#[derive(Debug)]
pub(super) struct Half {
    framing: Framing,
    /// The start of a header or of a control frame, judged when more has come.
    held: Vec<u8>,
    /// Read and not judged yet; its turn comes before the next read.
    backlog: Vec<u8>,
    rates: Option<Box<Rates>>,
    counts: Counts,
}

#[derive(Debug)]
enum Framing {
    Websocket(Inspector),
    /// Another protocol: bytes are passed as they come.
    Raw,
}

/// What is done with the source's Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnClose {
    /// It is passed on.
    Pass,
    /// The sink was told by us, or will be.
    Swallow,
}

/// What one chunk turned out to be.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// So many bytes at the front of the chunk may go on.
    pub(super) passed: usize,
    /// Some of them were data.
    pub(super) data: bool,
    /// Messages that began.
    pub(super) messages: u64,
    /// Control frames that were judged, those that were swallowed too.
    pub(super) control_frames: u64,
    /// The last Ping or Pong among those that passed.
    pub(super) asked: Option<Asked>,
    /// What ends the direction, right behind what passed.
    pub(super) event: Option<Event>,
    /// Nothing may be read until then.
    pub(super) throttled: Option<Instant>,
}

/// Whether somebody else's ping is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A Ping went by.
    Ping,
    /// A Pong went by.
    Pong,
}

/// What ends a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The source's Close; passed or swallowed as it was asked for.
    Closed(Option<CloseCode>),
    /// A frame that must not pass.
    Violated(Violation),
}

impl Half {
    /// A direction of frames; `early` was read with the handshake.
    pub(super) fn websocket(inspector: Inspector, rates: Option<Box<Rates>>, early: Vec<u8>) -> Self {
        Self {
            framing: Framing::Websocket(inspector),
            held: Vec::new(),
            backlog: early,
            rates,
            counts: Counts::default(),
        }
    }

    /// A direction of bytes.
    pub(super) fn raw(early: Vec<u8>) -> Self {
        Self { framing: Framing::Raw, held: Vec::new(), backlog: early, rates: None, counts: Counts::default() }
    }

    /// Puts what the last chunk left in front of the next one. Returns where in `scratch` the chunk starts, and where
    /// the bytes that are still to be read go.
    pub(super) fn resume(&self, scratch: &mut [u8]) -> usize {
        let start = HEAD - self.held.len().min(HEAD);
        if let Some(room) = scratch.get_mut(start..HEAD) {
            room.copy_from_slice(&self.held);
        }
        start
    }

    /// Moves bytes that wait to be judged into `room`; 0 if there are none.
    pub(super) fn take_backlog(&mut self, room: &mut [u8]) -> usize {
        let count = self.backlog.len().min(room.len());
        if let (Some(room), Some(bytes)) = (room.get_mut(..count), self.backlog.get(..count)) {
            room.copy_from_slice(bytes);
            self.backlog.drain(..count);
            if self.backlog.is_empty() {
                self.backlog = Vec::new();
            }
        }
        count
    }

    /// Judges `chunk`: everything that was held back, and what was read after it. Compacts it where a frame is swallowed.
    pub(super) fn judge(&mut self, chunk: &mut [u8], on_close: OnClose, mark: Option<Mark>, now: Instant) -> Judged {
        self.held.clear();
        let mut judged = Judged::default();
        match &mut self.framing {
            Framing::Raw => judged.passed = chunk.len(),
            Framing::Websocket(inspector) => {
                let may_begin = self.rates.as_mut().map_or(u64::MAX, |rates| rates.messages_left(now));
                let mut end = chunk.len();
                while let Some(rest) = chunk.get(judged.passed..end) {
                    let scan = inspector.scan(rest, may_begin - judged.messages);
                    judged.messages += scan.messages;
                    judged.passed += scan.passed;
                    judged.data |= scan.passed > 0;
                    let rest = rest.get(scan.passed..).unwrap_or_default();
                    match scan.then {
                        Then::Exhausted => break,
                        Then::Incomplete => {
                            self.held.extend_from_slice(rest);
                            break;
                        }
                        Then::Paused => {
                            self.backlog.splice(..0, rest.iter().copied());
                            break;
                        }
                        Then::Control(control) => {
                            let violation = self.rates.as_mut().and_then(|rates| rates.take_control(&control, now));
                            judged.event = violation.map(Event::Violated);
                            match judged.weigh(&control, rest, on_close, mark) {
                                Verdict::Pass => judged.passed += control.size,
                                Verdict::Swallow => {
                                    chunk.copy_within(judged.passed + control.size..end, judged.passed);
                                    end -= control.size;
                                }
                            }
                        }
                        Then::Budget => judged.event = self.rates.as_ref().map(|rates| rates.too_many_messages()),
                        Then::Violation(violation) => judged.event = Some(Event::Violated(violation)),
                    }
                    if judged.event.is_some() {
                        // What follows a limit that was passed is still frames, and the answer to our Close is one of them.
                        self.backlog.splice(..0, chunk.get(judged.passed..end).unwrap_or_default().iter().copied());
                        break;
                    }
                }
            }
        }
        if let Some(rates) = &mut self.rates {
            rates.charge(&mut judged, now);
        }
        judged
    }

    /// What was judged has been passed on.
    pub(super) fn note_passed(&mut self, judged: &Judged) {
        self.counts.messages += judged.messages;
        self.counts.bytes += judged.passed as u64;
    }

    /// No limit holds any more: the source is only read on for its Close.
    pub(super) fn lift_limits(&mut self) {
        self.rates = None;
        if let Framing::Websocket(inspector) = &mut self.framing {
            inspector.lift_limits();
        }
    }

    /// Nothing that was read and not passed is of use any more.
    pub(super) fn discard(&mut self) {
        self.held = Vec::new();
        self.backlog = Vec::new();
    }

    /// Whether a frame of ours may follow what has passed so far; never in a raw direction.
    pub(super) fn is_at_boundary(&self) -> bool {
        match &self.framing {
            Framing::Websocket(inspector) => inspector.is_at_boundary(),
            Framing::Raw => false,
        }
    }

    /// How many bytes are missing until a frame of ours may follow; `None` if that will never be.
    pub(super) fn until_boundary(&self) -> Option<u64> {
        match &self.framing {
            Framing::Websocket(inspector) => Some(inspector.remaining()),
            Framing::Raw => None,
        }
    }

    /// What went through.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

/// What becomes of a control frame.
enum Verdict {
    Pass,
    Swallow,
}

impl Judged {
    fn weigh(&mut self, control: &Control, frame: &[u8], on_close: OnClose, mark: Option<Mark>) -> Verdict {
        self.control_frames += 1;
        match control.kind {
            _ if self.event.is_some() => Verdict::Swallow,
            ControlKind::Close(code) => {
                self.event = Some(Event::Closed(code));
                match on_close {
                    OnClose::Pass => Verdict::Pass,
                    OnClose::Swallow => Verdict::Swallow,
                }
            }
            ControlKind::Pong if mark.is_some_and(|mark| *control.payload(frame) == mark) => Verdict::Swallow,
            ControlKind::Pong => {
                self.asked = Some(Asked::Pong);
                Verdict::Pass
            }
            ControlKind::Ping => {
                self.asked = Some(Asked::Ping);
                Verdict::Pass
            }
            ControlKind::Opaque(_) => Verdict::Pass,
        }
    }
}
