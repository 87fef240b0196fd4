//! What one chunk of a direction turned out to be: what may go on, what is behind it, what ends it.

use crate::websocket::{CloseCode, ControlFrame, ControlKind, Violation};

/// The payload of our own pings, by which their pongs are known.
pub(super) type PingPayload = [u8; 8];

/// What one chunk turned out to be.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// So many bytes at the front of the chunk may go on.
    pub(super) passed: usize,
    /// So many bytes were judged: what passed, and what was swallowed.
    pub(super) judged: usize,
    /// Some of what passed was of a message, or of a raw tunnel.
    pub(super) data: bool,
    /// Some of it was a control frame.
    pub(super) control: bool,
    /// Messages that began.
    pub(super) messages: u64,
    /// Pings that were among those that passed.
    pub(super) pings: u32,
    /// A Pong was among those that were judged.
    pub(super) ponged: bool,
    /// One of them answers a ping of ours.
    pub(super) is_answer: bool,
    /// What ends the direction, right behind what passed.
    pub(super) end: Option<DirectionEnd>,
    /// What stands right behind what passed, and would be more than a rate allows.
    pub(super) above: Option<Above>,
    /// A rate is used up: for a while nothing may be read.
    pub(super) throttled: bool,
}

impl Judged {
    /// Notes a control frame, and says what becomes of it.
    pub(super) fn weigh(
        &mut self,
        control: &ControlFrame,
        frame: &[u8],
        on_close: OnClose,
        ping_payload: PingPayload,
    ) -> ControlHandling {
        self.ponged |= control.kind == ControlKind::Pong;
        match control.kind {
            ControlKind::Close(code) => {
                self.end = Some(DirectionEnd::Closed(code));
                if on_close == OnClose::Swallow {
                    return ControlHandling::Swallow;
                }
            }
            ControlKind::Pong if *control.payload(frame) == ping_payload => {
                self.is_answer = true;
                return ControlHandling::Swallow;
            }
            ControlKind::Ping => self.pings += 1,
            ControlKind::Pong | ControlKind::Opaque(_) => {}
        }
        self.control = true;
        ControlHandling::Pass
    }
}

/// What ends a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirectionEnd {
    /// The source's Close; passed or swallowed as it was asked for.
    Closed(Option<CloseCode>),
    /// A frame that must not pass.
    Violated(Violation),
}

/// The rate that would be exceeded by what stands behind all that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// The next header begins a message.
    Messages,
    /// The next frame is a control frame.
    ControlFrames,
    /// Whatever it is.
    Bytes,
}

/// What is done with the source's Close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnClose {
    /// It is passed on.
    Pass,
    /// The sink was told by us, or will be.
    Swallow,
}

/// What becomes of a control frame.
pub(super) enum ControlHandling {
    Pass,
    Swallow,
}
