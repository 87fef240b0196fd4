//! A tunnel on its way to its end: who is told what, when each way is over, and until when all of it has time.
//!
//! The order of events, for one side:
//!
//! ```text
//!   reason to end ─► frame boundary ─► our Close (or theirs, passed on) ─► its Close ─► FIN ─► its FIN
//! ```
//!
//! A side that was told is read on, and what it sends is discarded, until its own Close or FIN comes, and one that was cut
//! until the tunnel is over: closing a socket with unread input would send a reset, which destroys the Close on its way.
//!
//! "Written" is not "delivered": megabytes fit into the kernel in front of our Close. So the deadline asks it, and is put
//! off while a side still takes what is on its way. The kernel does not tell when it took something, so it is asked several
//! times until then; nothing is asked where both ends close at once.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::ending::{Ending, Gone, GoodBye};
use super::liveness::Speech;
use super::outcome::Farewell;
use crate::config::WebsocketSettings;
use crate::net::{Taken, step};
use crate::process::Delivery;
use crate::websocket::{CloseCode, PerSide, Side};

/// How much of what a told side still sends is read and discarded: a client in the middle of a gigabyte still finds
/// our Close.
const DISCARD: u64 = 2 * 1024 * 1024 * 1024;

/// How long an answer is waited for by a tunnel whose time is up already: the one who is told now was kept from it by the other.
/// It hears its Close whether we are still there or not.
const LAST_MOMENT: Duration = Duration::from_millis(250);

/// Further away than any deadline of a tunnel without one.
pub(super) const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A tunnel on its way to its end.
#[derive(Debug)]
pub(super) struct Closing {
    ending: Ending,
    good_byes: PerSide<GoodBye>,
    /// When what is left is cut.
    deadline: Instant,
    /// What `deadline` may not pass: the drain's own.
    latest: Option<Instant>,
    /// All that passes puts the deadline off by so much: half of a raw tunnel may still have much to say.
    quiet: Option<Duration>,
    /// The deadline has come once: nobody is waited for any more before the other one is told.
    insists: bool,
    /// A Close could not follow: what the side was sent ends inside a frame.
    inside_frame: PerSide<bool>,
    /// A Close came from it.
    answered: PerSide<bool>,
    /// A Close went out to it.
    told: PerSide<bool>,
    cut: PerSide<bool>,
    discarded: PerSide<u64>,
    /// How much of what is on its way to it each side had taken at the last look.
    taken: PerSide<Taken>,
    /// When that was.
    looked: Instant,
}

/// What is to be said to a side now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// Nothing yet.
    None,
    /// A Close, at the next frame boundary.
    Close(CloseCode, &'a str),
    /// A FIN, after all that was for it.
    Finish,
    /// A FIN at once.
    Fin,
    /// Nothing any more: it could not reach it.
    Cut,
}

impl Closing {
    /// Starts the end of a tunnel.
    pub(super) fn new(ending: Ending, settings: &WebsocketSettings, speech: Speech, now: Instant) -> Self {
        let is_half = matches!(ending, Ending::Lost { gone: Gone::Finished, .. });
        let (deadline, latest) = match &ending {
            Ending::Drained(order) => (order.deadline, Some(order.deadline)),
            _ if is_half => (now + settings.half_close_timeout.unwrap_or(FAR), None),
            _ => (now + settings.closing_timeout, None),
        };
        Self {
            good_byes: ending.good_byes(settings, speech),
            ending,
            deadline,
            latest,
            quiet: (is_half && speech == Speech::Bytes).then_some(settings.half_close_timeout.unwrap_or(FAR)),
            insists: false,
            inside_frame: PerSide::default(),
            answered: PerSide::default(),
            told: PerSide::default(),
            cut: PerSide::default(),
            discarded: PerSide::default(),
            taken: PerSide::default(),
            looked: now,
        }
    }

    /// Why the tunnel ends.
    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// When what is left is cut.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What `deadline` may not pass.
    pub(super) fn latest(&self) -> Option<Instant> {
        self.latest
    }

    /// When to look again whether somebody is to be waited for: at the deadline, and often enough before it to know when a
    /// side last took something.
    pub(super) fn next_look(&self, settings: &WebsocketSettings) -> Instant {
        if self.latest == Some(self.deadline) {
            return self.deadline;
        }
        self.deadline.min(self.looked + step(self.quiet.unwrap_or(self.patience(settings))))
    }

    /// Whoever is to be waited for is asked about `now`.
    pub(super) fn note_looked(&mut self, now: Instant) {
        self.looked = now;
    }

    /// A drain that comes on top may bring the end nearer, never put it off.
    pub(super) fn hurry(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
        self.latest = Some(self.latest.map_or(deadline, |latest| latest.min(deadline)));
    }

    /// Whether a Close that comes from `side` now is passed on to the other one: it answers none of ours, and the other
    /// one was not told.
    pub(super) fn passes_close(&self, side: Side) -> bool {
        let rest = |side: Side| *self.good_byes.get(side) == GoodBye::Rest;
        rest(side) && rest(side.other()) && !*self.told.get(side.other())
    }

    /// What is to be said to `side`; `is_rest_over`: nothing more of the other side's will be passed on to it.
    pub(super) fn word_for(&self, side: Side, is_rest_over: bool) -> Word<'_> {
        match self.good_byes.get(side) {
            GoodBye::Close(code, reason) => Word::Close(*code, reason),
            GoodBye::After(code, reason) if is_rest_over || self.insists => Word::Close(*code, reason),
            GoodBye::Rest if is_rest_over => Word::Finish,
            GoodBye::Fin => Word::Fin,
            GoodBye::Cut => Word::Cut,
            GoodBye::After(..) | GoodBye::Rest => Word::None,
        }
    }

    /// Whether the deadline has come once, and boundaries are not waited for any more.
    pub(super) fn insists(&self) -> bool {
        self.insists
    }

    /// Whether `side` was told with a Close.
    pub(super) fn is_told(&self, side: Side) -> bool {
        *self.told.get(side)
    }

    /// A Close went out to `side`.
    pub(super) fn note_told(&mut self, side: Side, settings: &WebsocketSettings, now: Instant) {
        *self.told.get_mut(side) = true;
        self.expect_answer(settings, now);
    }

    /// Nothing more will go to a side: it has so long to end its own way.
    pub(super) fn expect_answer(&mut self, settings: &WebsocketSettings, now: Instant) {
        self.deadline = self.at_latest(now + self.patience(settings));
    }

    /// How long a side has from when it has all that is for it.
    fn patience(&self, settings: &WebsocketSettings) -> Duration {
        if self.insists { settings.closing_timeout.min(LAST_MOMENT) } else { settings.closing_timeout }
    }

    /// Puts the deadline off where `side` took something of the last that is for it: its time to answer counts from then on,
    /// and so it does from the moment when our Close has reached it. Says whether the deadline lies ahead now.
    pub(super) fn wait_for(
        &mut self,
        side: Side,
        delivery: &Delivery,
        settings: &WebsocketSettings,
        now: Instant,
    ) -> bool {
        let taken = self.taken.get_mut(side).look(delivery, now);
        // Only a Close is answered: of a FIN that has arrived nothing more is to be expected.
        let Some(taken) = taken.filter(|_| delivery.outstanding || self.is_told(side)) else { return false };
        self.deadline = self.deadline.max(self.at_latest(taken + self.patience(settings)));
        now < self.deadline
    }

    /// Something passed.
    pub(super) fn note_passed(&mut self, now: Instant) {
        if let Some(quiet) = self.quiet {
            self.deadline = self.at_latest(now + quiet);
        }
    }

    fn at_latest(&self, deadline: Instant) -> Instant {
        self.latest.map_or(deadline, |latest| latest.min(deadline))
    }

    /// Whether the deadline is only about a side that is quiet.
    pub(super) fn waits_for_quiet(&self) -> bool {
        self.quiet.is_some() && !self.insists
    }

    /// No Close can follow to `side`.
    pub(super) fn note_inside_frame(&mut self, side: Side) {
        *self.inside_frame.get_mut(side) = true;
    }

    /// A Close came from `side`.
    pub(super) fn note_answered(&mut self, side: Side) {
        *self.answered.get_mut(side) = true;
    }

    /// `side` is gone. Where it leaves the other one's Close unanswered, that one gets its own code back from us.
    pub(super) fn note_lost(&mut self, side: Side) {
        if let Ending::PeerClosed { by, code } = self.ending
            && by != side
        {
            let code = code.unwrap_or(CloseCode::NORMAL);
            *self.good_byes.get_mut(by) = GoodBye::Close(code, Cow::Borrowed(""));
        }
    }

    /// The deadline has come: who was not told is told now, whatever it was to wait for.
    pub(super) fn insist(&mut self) {
        self.insists = true;
        if let Ending::PeerClosed { by, .. } = self.ending
            && !*self.told.get(by)
        {
            self.note_lost(by.other());
        }
    }

    /// Bytes of a told side were read and discarded. Says whether that was enough.
    pub(super) fn note_discarded(&mut self, side: Side, bytes: usize) -> bool {
        let discarded = self.discarded.get_mut(side);
        *discarded += bytes as u64;
        *discarded > DISCARD
    }

    /// `side` is cut. A side that has taken all that was to be said to it lost nothing.
    pub(super) fn note_cut(&mut self, side: Side, is_delivered: bool) {
        let is_said = *self.told.get(side) || *self.inside_frame.get(side);
        *self.cut.get_mut(side) = !(is_said && is_delivered);
    }

    /// How `side` was left.
    pub(super) fn farewell(&self, side: Side) -> Farewell {
        match (*self.told.get(side), *self.answered.get(side)) {
            _ if *self.cut.get(side) => Farewell::Cut,
            (false, _) if *self.inside_frame.get(side) => Farewell::InsideFrame,
            (true, true) => Farewell::Clean,
            (true, false) => Farewell::Unanswered,
            (false, _) => Farewell::Finished,
        }
    }
}
