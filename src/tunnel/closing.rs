//! A tunnel on its way to its end: who is told what, when each way is over, and until when all of it has time.
//!
//! The order of events, for one side:
//!
//! ```text
//!   reason to end ─► frame boundary ─► our Close (or theirs, passed on) ─► its Close ─► FIN ─► its FIN
//! ```
//!
//! A side that was told is read on, and what it sends is discarded, until its own Close or FIN comes: closing a socket
//! with unread input would send a reset, which destroys the Close on its way.

use std::borrow::Cow;

use tokio::time::Instant;

use super::ending::{Ending, Gone, GoodBye};
use super::outcome::Farewell;
use super::side::{Read, Side as Leg};
use crate::config::WebsocketSettings;
use crate::net::TunnelStream;
use crate::websocket::{CloseCode, PerSide, Side};

/// How much of what a told side still sends is read and discarded: a client in the middle of a gigabyte still finds
/// our Close.
const DISCARD: u64 = 2 * 1024 * 1024 * 1024;

/// A tunnel on its way to its end.
#[derive(Debug)]
pub(super) struct Closing {
    ending: Ending,
    good_byes: PerSide<GoodBye>,
    /// When what is left is cut.
    deadline: Instant,
    /// What `deadline` may not pass: the drain's own.
    latest: Option<Instant>,
    /// A Close could not follow: what the side was sent ends inside a frame.
    inside_frame: PerSide<bool>,
    /// A Close came from it.
    answered: PerSide<bool>,
    /// A Close went out to it.
    told: PerSide<bool>,
    cut: PerSide<bool>,
    discarded: PerSide<u64>,
}

impl Closing {
    /// Starts the end of a tunnel.
    pub(super) fn new(ending: Ending, settings: &WebsocketSettings, now: Instant) -> Self {
        let (deadline, latest) = match ending {
            Ending::Drained(order) => (order.deadline, Some(order.deadline)),
            Ending::Lost { gone: Gone::Finished, .. } => (now + settings.half_close_timeout, None),
            _ => (now + settings.closing_timeout, None),
        };
        Self {
            ending,
            good_byes: ending.good_byes(settings),
            deadline,
            latest,
            inside_frame: PerSide::default(),
            answered: PerSide::default(),
            told: PerSide::default(),
            cut: PerSide::default(),
            discarded: PerSide::default(),
        }
    }

    /// Why the tunnel ends.
    pub(super) fn ending(&self) -> Ending {
        self.ending
    }

    /// When what is left is cut.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// A drain that comes on top may bring the end nearer, never put it off.
    pub(super) fn hurry(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
        self.latest = Some(self.latest.map_or(deadline, |latest| latest.min(deadline)));
    }

    /// Whether a Close that comes from `side` now is passed on to the other one: neither was, or will be, told by us.
    pub(super) fn passes_close(&self, side: Side) -> bool {
        *self.good_byes.get(side) == GoodBye::Rest && self.is_rest_for(side.other()) && !*self.told.get(side.other())
    }

    /// Whether `side` is to get what the other one sends to its end, and then a FIN.
    pub(super) fn is_rest_for(&self, side: Side) -> bool {
        *self.good_byes.get(side) == GoodBye::Rest
    }

    /// Whether `side` could not be reached any more.
    pub(super) fn is_cut_off(&self, side: Side) -> bool {
        *self.good_byes.get(side) == GoodBye::Cut
    }

    /// What is to be said to `side`, once there is a boundary.
    pub(super) fn word_for(&self, side: Side, client_read: Read) -> Option<(CloseCode, Cow<'static, str>)> {
        match self.good_byes.get(side) {
            GoodBye::Close(code, reason) => Some((*code, reason.clone())),
            GoodBye::AfterClient(code, reason) if client_read != Read::Open => Some((*code, reason.clone())),
            GoodBye::AfterClient(..) | GoodBye::Rest | GoodBye::Cut => None,
        }
    }

    /// Whether nothing more from `source` will be passed on: it ended, or a limit struck.
    pub(super) fn is_stopped(&self, source: Side, read: Read) -> bool {
        read != Read::Open || matches!(self.ending, Ending::Violated { by, .. } if by == source)
    }

    /// A Close went out to `side`: it has `closing_timeout` to answer.
    pub(super) fn note_told(&mut self, side: Side, settings: &WebsocketSettings, now: Instant) {
        *self.told.get_mut(side) = true;
        let deadline = now + settings.closing_timeout;
        self.deadline = self.latest.map_or(deadline, |latest| latest.min(deadline));
    }

    /// No Close can follow to `side`.
    pub(super) fn note_inside_frame(&mut self, side: Side) {
        *self.inside_frame.get_mut(side) = true;
    }

    /// A Close came from `side`.
    pub(super) fn note_answered(&mut self, side: Side) {
        *self.answered.get_mut(side) = true;
    }

    /// `side` is gone. A client whose Close it leaves unanswered gets its own code back from us.
    pub(super) fn note_lost(&mut self, side: Side) {
        if let (Side::Upstream, Ending::PeerClosed { by: Side::Client, code }) = (side, self.ending) {
            self.good_byes.client = GoodBye::Close(code.unwrap_or(CloseCode::NORMAL), Cow::Borrowed(""));
        }
    }

    /// Bytes of a told side were read and discarded. Says whether that was enough.
    pub(super) fn note_discarded(&mut self, side: Side, bytes: usize) -> bool {
        let discarded = self.discarded.get_mut(side);
        *discarded += bytes as u64;
        *discarded > DISCARD
    }

    /// The deadline has come: whatever of `leg` is not over is cut.
    pub(super) fn cut<S: TunnelStream>(&mut self, side: Side, leg: &mut Leg<S>) {
        if !leg.is_over() {
            // Both Closes are through and only a FIN is missing: nobody lost anything.
            let through = *self.told.get(side) && *self.answered.get(side) && leg.is_flushed();
            *self.cut.get_mut(side) = !through;
            leg.die();
            leg.read = Read::Ended;
        }
    }

    /// How `side` was left.
    pub(super) fn farewell(&self, side: Side) -> Farewell {
        match (*self.told.get(side), *self.answered.get(side)) {
            (true, true) => Farewell::Clean,
            _ if *self.cut.get(side) => Farewell::Cut,
            (true, false) => Farewell::Unanswered,
            (false, _) if *self.inside_frame.get(side) => Farewell::InsideFrame,
            (false, _) => Farewell::Finished,
        }
    }
}
