//! A tunnel on its way to its end: what is due to each side, and how far it has come.
//!
//! The order of events, for one side:
//!
//! ```text
//!   reason to end ─► frame boundary ─► our Close (or the other side's, passed on) ─► its Close ─► FIN ─► its FIN
//! ```
//!
//! A side that was sent a Close is read on, and what it sends is discarded, until its own Close or FIN comes, and one that was
//! cut until the tunnel is over: closing a socket with unread input would send a reset, which destroys the Close on its way.

use tokio::time::Instant;

use super::close_deadline::CloseDeadline;
use super::closing_handshake::ClosingHandshake;
use super::ending::{CloseAction, Ending, Loss};
use super::outcome::SideOutcome;
use super::protocol::Protocol;
use crate::config::WebsocketSettings;
use crate::process::Delivery;
use crate::websocket::{CloseCode, PerSide, Side};

/// How much of what a side still sends after its Close is read and discarded: a client in the middle of a gigabyte still finds
/// our Close.
const DISCARD: u64 = 2 * 1024 * 1024 * 1024;

/// A tunnel on its way to its end.
#[derive(Debug)]
pub(super) struct Closing {
    ending: Ending,
    /// When it began.
    begun: Instant,
    handshakes: PerSide<ClosingHandshake>,
    deadline: CloseDeadline,
    /// Bytes of each side that were read and passed on to nobody.
    discarded: PerSide<u64>,
}

/// What is to be done now about the direction to a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextClose<'a> {
    /// Nothing yet.
    Nothing,
    /// A Close goes out, at the next frame boundary.
    SendClose(CloseCode, &'a str),
    /// A FIN goes out, after all that was for the side.
    Finish,
    /// A FIN goes out at once.
    SendFin,
    /// It is cut: nothing could reach it.
    Abort,
}

impl Closing {
    /// Starts the end of a tunnel.
    pub(super) fn new(ending: Ending, settings: &WebsocketSettings, protocol: Protocol, now: Instant) -> Self {
        let deadline = match &ending {
            Ending::Drained(order) => CloseDeadline::of_drain(order.deadline, now),
            Ending::Lost { loss: Loss::Finished, .. } if protocol.is_websocket() => {
                CloseDeadline::of_half_close(settings, now)
            }
            Ending::Lost { loss: Loss::Finished, .. } => CloseDeadline::of_quiet(settings, now),
            _ => CloseDeadline::of_close(settings, now),
        };
        let PerSide { client, upstream } = ending.close_actions(settings, protocol);
        let handshakes = PerSide { client: ClosingHandshake::Open(client), upstream: ClosingHandshake::Open(upstream) };
        Self { ending, begun: now, handshakes, deadline, discarded: PerSide::default() }
    }

    /// Why the tunnel ends.
    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// When the end began.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// Whether it ends at leisure: a drain that forbids nothing has told it to.
    pub(super) fn is_drained(&self) -> bool {
        matches!(&self.ending, Ending::Drained(order) if !order.cause.forbids())
    }

    /// It ends for another reason: what has not gone out yet to a side is by that one. Who has read its Close reads no other.
    pub(super) fn supersede(&mut self, ending: Ending, settings: &WebsocketSettings, protocol: Protocol) {
        let PerSide { client, upstream } = ending.close_actions(settings, protocol);
        self.handshakes.client.do_instead(client);
        self.handshakes.upstream.do_instead(upstream);
        self.ending = ending;
    }

    /// Until when there is time.
    pub(super) fn deadline(&self) -> &CloseDeadline {
        &self.deadline
    }

    /// The same, to be moved.
    pub(super) fn deadline_mut(&mut self) -> &mut CloseDeadline {
        &mut self.deadline
    }

    /// Whether a Close that comes from `side` now is passed on to the other one: it answers none of ours, and the other one was
    /// sent none.
    pub(super) fn passes_close(&self, side: Side) -> bool {
        self.handshakes[side].speaks_for_itself() && self.handshakes[side.other()].takes_close()
    }

    /// What is to be done about the direction to `side`; `is_rest_over`: nothing more of the other side's will be passed on to it.
    pub(super) fn next_for(&self, side: Side, is_rest_over: bool) -> NextClose<'_> {
        match self.handshakes[side].action() {
            Some(CloseAction::SendClose(code, reason)) => NextClose::SendClose(*code, reason),
            Some(CloseAction::SendCloseAfter(code, reason)) if is_rest_over || self.is_forced() => {
                NextClose::SendClose(*code, reason)
            }
            Some(CloseAction::PassThrough) if is_rest_over => NextClose::Finish,
            Some(CloseAction::SendFin) => NextClose::SendFin,
            Some(CloseAction::Abort) => NextClose::Abort,
            Some(CloseAction::SendCloseAfter(..) | CloseAction::PassThrough) | None => NextClose::Nothing,
        }
    }

    /// Whether the deadline has come once, and boundaries are not waited for any more.
    pub(super) fn is_forced(&self) -> bool {
        self.deadline.is_forced()
    }

    /// Whether a Close went to `side`.
    pub(super) fn is_close_sent(&self, side: Side) -> bool {
        self.handshakes[side].is_close_sent()
    }

    /// Whether a Close came from `side`.
    pub(super) fn is_close_received(&self, side: Side) -> bool {
        self.handshakes[side].is_close_received()
    }

    /// A Close went to `side`, which has time to answer it from now on.
    pub(super) fn note_close_sent(&mut self, side: Side, settings: &WebsocketSettings, now: Instant) {
        self.handshakes[side].note_close_sent();
        self.deadline.restart(settings, now);
    }

    /// A Close came from `side`.
    pub(super) fn note_close_received(&mut self, side: Side) {
        self.handshakes[side].note_close_received();
    }

    /// No Close can follow to `side`.
    pub(super) fn note_inside_frame(&mut self, side: Side) {
        self.handshakes[side].note_inside_frame();
    }

    /// Nothing more of `side`'s is passed on: it is gone, or broke the protocol or a limit. Where it leaves the other one's Close
    /// unanswered, that one gets its own code back from us (RFC 6455 §5.5.1).
    pub(super) fn note_lost(&mut self, side: Side) {
        if let Ending::PeerClosed { by, code } = self.ending
            && by != side
        {
            self.handshakes[by].answer_ourselves(code.unwrap_or(CloseCode::NORMAL));
        }
    }

    /// The deadline has come: who was sent no Close is sent one now, whatever it was to wait for.
    pub(super) fn force(&mut self) {
        self.deadline.force();
        if let Ending::PeerClosed { by, .. } = self.ending {
            self.note_lost(by.other());
        }
    }

    /// Bytes of `side` were read and discarded. Says whether that was enough.
    pub(super) fn note_discarded(&mut self, side: Side, bytes: usize) -> bool {
        let discarded = &mut self.discarded[side];
        *discarded += bytes as u64;
        *discarded > DISCARD
    }

    /// `side` is cut.
    pub(super) fn note_cut(&mut self, side: Side, is_delivered: bool) {
        self.handshakes[side].note_cut(is_delivered);
    }

    /// Puts the deadline off where `side` still takes what is for it. Says whether it lies ahead now.
    pub(super) fn wait_for(
        &mut self,
        side: Side,
        delivery: &Delivery,
        settings: &WebsocketSettings,
        now: Instant,
    ) -> bool {
        let is_close_sent = self.is_close_sent(side);
        self.deadline.wait_for(side, delivery, is_close_sent, settings, now)
    }

    /// How `side` was left.
    pub(super) fn outcome_of(&self, side: Side) -> SideOutcome {
        self.handshakes[side].outcome()
    }

    /// Panics where an invariant does not hold.
    pub(super) fn check_invariants(&self, protocol: Protocol) {
        self.deadline.check_invariants();
        for side in [Side::Client, Side::Upstream] {
            let handshake = &self.handshakes[side];
            let has_closes = handshake.is_close_sent() || handshake.is_close_received();
            assert!(protocol.is_websocket() || !has_closes, "a Close in a raw tunnel: {handshake:?}");
            if let Ending::PeerClosed { by, .. } = self.ending {
                let is_known = self.is_close_received(by) || self.is_close_lost(by);
                assert!(is_known, "the {by:?} closed, and is {:?}", self.handshakes[by]);
            }
        }
    }

    /// Whether it is not of interest any more if a Close came from `side`.
    fn is_close_lost(&self, side: Side) -> bool {
        matches!(self.outcome_of(side), SideOutcome::InsideFrame | SideOutcome::Cut)
    }
}
