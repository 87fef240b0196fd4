//! How far the closing handshake with one side has come (RFC 6455 §7.1).

use std::borrow::Cow;

use super::ending::CloseAction;
use super::outcome::SideOutcome;
use crate::websocket::CloseCode;

/// The closing handshake with one side, seen from us.
///
/// ```text
///           Close sent                    Close received
///   Open ──────────────► CloseSent ───────────────────────► Clean
///    │ │                                                      ▲
///    │ └─ Close received ──► CloseReceived ─── Close sent ────┘
///    │                             │
///    └─────────────────────────────┴─ no boundary follows ──► InsideFrame
///
///   Open, CloseReceived ── cut ──► Cut      (the others too, where not all that was for the side has reached it)
/// ```
///
/// A side without a Close of either kind stays `Open` to its end: raw tunnels know none, and who is lost sends none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClosingHandshake {
    /// Neither Close has passed; the action is what becomes of the direction to this side.
    Open(CloseAction),
    /// Its Close came; none has gone to it.
    CloseReceived(CloseAction),
    /// A Close went to it; its own has not come.
    CloseSent(Author),
    /// Both have passed.
    Clean,
    /// No Close can follow: what it was sent ends inside a frame. Whose Close it would have been decides about its own.
    InsideFrame(Author),
    /// It was ended before all that was for it had reached it.
    Cut,
}

/// Whose Close it is that a side reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// The other side's, passed on: the answer to it is passed back.
    OtherSide,
    /// Ours: the answer to it is for us.
    Proxy,
}

impl ClosingHandshake {
    /// A Close went to the side.
    pub(super) fn note_close_sent(&mut self) {
        match self {
            Self::Open(action) => *self = Self::CloseSent(action.author()),
            Self::CloseReceived(_) => *self = Self::Clean,
            Self::CloseSent(_) | Self::Clean | Self::InsideFrame(_) | Self::Cut => {
                debug_assert!(false, "a Close goes to a side that is {self:?}");
            }
        }
    }

    /// A Close came from the side.
    pub(super) fn note_close_received(&mut self) {
        match self {
            Self::Open(action) => *self = Self::CloseReceived(action.clone()),
            Self::CloseSent(_) => *self = Self::Clean,
            // Ours can follow no more.
            Self::InsideFrame(_) => {}
            Self::CloseReceived(_) | Self::Clean | Self::Cut => {
                debug_assert!(false, "a Close comes from a side that is {self:?}");
            }
        }
    }

    /// No Close can follow to the side.
    pub(super) fn note_inside_frame(&mut self) {
        match self {
            Self::Open(action) | Self::CloseReceived(action) => *self = Self::InsideFrame(action.author()),
            Self::CloseSent(_) | Self::Clean | Self::InsideFrame(_) | Self::Cut => {
                debug_assert!(false, "no frame is open towards a side that is {self:?}");
            }
        }
    }

    /// The side is cut. One that has taken all that was to be sent to it lost nothing by it.
    pub(super) fn note_cut(&mut self, is_delivered: bool) {
        let is_over = matches!(self, Self::CloseSent(_) | Self::Clean | Self::InsideFrame(_));
        if !(is_over && is_delivered) {
            *self = Self::Cut;
        }
    }

    /// Nothing more of the other side's is passed on, and so nobody but us will answer this one's Close, which had `code`.
    pub(super) fn answer_ourselves(&mut self, code: CloseCode) {
        self.do_instead(CloseAction::SendClose(code, Cow::Borrowed("")));
    }

    /// What becomes of the direction to the side is this, unless its Close is out, or can follow no more.
    pub(super) fn do_instead(&mut self, other: CloseAction) {
        if let Self::Open(action) | Self::CloseReceived(action) = self {
            *action = other;
        }
    }

    /// What is to be done about the direction to the side; `None` once that was done with a Close, or cannot be any more.
    pub(super) fn action(&self) -> Option<&CloseAction> {
        match self {
            Self::Open(action) | Self::CloseReceived(action) => Some(action),
            Self::CloseSent(_) | Self::Clean | Self::InsideFrame(_) | Self::Cut => None,
        }
    }

    /// Whether a Close went to the side.
    pub(super) fn is_close_sent(&self) -> bool {
        matches!(self, Self::CloseSent(_) | Self::Clean)
    }

    /// Whether a Close came from the side, as far as that is still of interest.
    pub(super) fn is_close_received(&self) -> bool {
        matches!(self, Self::CloseReceived(_) | Self::Clean)
    }

    /// Whether a Close that comes from the side now answers none of ours.
    pub(super) fn speaks_for_itself(&self) -> bool {
        match self {
            Self::Open(action) | Self::CloseReceived(action) => action.author() == Author::OtherSide,
            Self::CloseSent(author) | Self::InsideFrame(author) => *author == Author::OtherSide,
            Self::Clean | Self::Cut => false,
        }
    }

    /// Whether the other side's Close can be passed on to this one.
    pub(super) fn takes_close(&self) -> bool {
        self.action() == Some(&CloseAction::PassThrough)
    }

    /// How the side was left, if that is all.
    pub(super) fn outcome(&self) -> SideOutcome {
        match self {
            Self::Open(_) | Self::CloseReceived(_) => SideOutcome::Finished,
            Self::CloseSent(_) => SideOutcome::Unanswered,
            Self::Clean => SideOutcome::Clean,
            Self::InsideFrame(_) => SideOutcome::InsideFrame,
            Self::Cut => SideOutcome::Cut,
        }
    }
}

impl CloseAction {
    /// Whose Close the side reads, if it comes to one.
    fn author(&self) -> Author {
        match self {
            Self::PassThrough => Author::OtherSide,
            Self::SendClose(..) | Self::SendCloseAfter(..) | Self::SendFin | Self::Abort => Author::Proxy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> CloseAction {
        CloseAction::SendClose(CloseCode::GOING_AWAY, Cow::Borrowed("why"))
    }

    #[test]
    fn a_handshake_is_clean_whoever_begins_it() {
        let mut begun_by_us = ClosingHandshake::Open(ours());
        begun_by_us.note_close_sent();
        assert_eq!(begun_by_us, ClosingHandshake::CloseSent(Author::Proxy));
        begun_by_us.note_close_received();
        assert_eq!(begun_by_us.outcome(), SideOutcome::Clean);

        let mut begun_by_it = ClosingHandshake::Open(CloseAction::PassThrough);
        begun_by_it.note_close_received();
        assert!(begun_by_it.is_close_received() && !begun_by_it.is_close_sent());
        begun_by_it.note_close_sent();
        assert_eq!(begun_by_it.outcome(), SideOutcome::Clean);
    }

    #[test]
    fn what_ends_inside_a_frame_stays_so() {
        let mut handshake = ClosingHandshake::Open(ours());
        handshake.note_inside_frame();
        handshake.note_close_received();
        assert_eq!((handshake.outcome(), handshake.action()), (SideOutcome::InsideFrame, None));
        handshake.note_cut(true);
        assert_eq!(handshake.outcome(), SideOutcome::InsideFrame, "it has all that could be sent to it");
        handshake.note_cut(false);
        assert_eq!(handshake.outcome(), SideOutcome::Cut);
    }

    #[test]
    fn the_answer_to_a_close_goes_to_its_author() {
        let mut passed_on = ClosingHandshake::Open(CloseAction::PassThrough);
        passed_on.note_close_sent();
        assert!(passed_on.speaks_for_itself());
        let mut sent_by_us = ClosingHandshake::Open(ours());
        sent_by_us.note_close_sent();
        assert!(!sent_by_us.speaks_for_itself());
    }

    #[test]
    fn who_was_sent_a_close_is_sent_no_second_one() {
        let mut handshake = ClosingHandshake::Open(CloseAction::PassThrough);
        handshake.answer_ourselves(CloseCode::NORMAL);
        assert_eq!(handshake.action(), Some(&CloseAction::SendClose(CloseCode::NORMAL, Cow::Borrowed(""))));
        handshake.note_close_sent();
        handshake.answer_ourselves(CloseCode::NORMAL);
        assert_eq!(handshake.action(), None);
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "a Close goes to a side that is Clean"))]
    fn a_second_close_is_a_mistake_and_changes_nothing() {
        let mut handshake = ClosingHandshake::Clean;
        handshake.note_close_sent();
        assert_eq!(handshake, ClosingHandshake::Clean);
    }
}
