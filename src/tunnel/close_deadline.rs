//! Until when a tunnel that ends has time, and who may put that off.
//!
//! "Written" is not "delivered": megabytes fit into the kernel in front of our Close. So the deadline asks it, and is put
//! off while a side still takes what is on its way. The kernel does not tell when it took something, so it is asked several
//! times until then; nothing is asked where both ends close at once.

use std::time::Duration;

use tokio::time::Instant;

use super::timers::FAR;
use crate::config::WebsocketSettings;
use crate::net::{Taken, step};
use crate::process::Delivery;
use crate::websocket::{PerSide, Side};

/// How long an answer is waited for by a tunnel whose time is up already: the one who reads its Close now was kept from it by the
/// other. It reads it whether we are still there or not.
const LAST_MOMENT: Duration = Duration::from_millis(250);

/// Until when a tunnel that ends has time. Invariant: `at` is never after `latest`.
#[derive(Debug)]
pub(super) struct CloseDeadline {
    /// When what is left is cut.
    at: Instant,
    /// What `at` may not pass: a drain's own deadline.
    latest: Option<Instant>,
    /// All that passes puts the deadline off by so much: the other direction of a raw tunnel may still have much to carry.
    quiet: Option<Duration>,
    /// The deadline has come once: nobody is waited for any more before the other one reads its Close.
    is_forced: bool,
    /// How much of what is on its way to it each side had taken at the last look.
    taken: PerSide<Taken>,
    /// When that was.
    looked: Instant,
}

impl CloseDeadline {
    /// A drain's: nothing puts it off.
    pub(super) fn of_drain(deadline: Instant, now: Instant) -> Self {
        Self { latest: Some(deadline), ..Self::at(deadline, now) }
    }

    /// `closing_timeout` from `now`.
    pub(super) fn of_close(settings: &WebsocketSettings, now: Instant) -> Self {
        Self::at(now + settings.closing_timeout, now)
    }

    /// `half_close_timeout` from `now`.
    pub(super) fn of_half_close(settings: &WebsocketSettings, now: Instant) -> Self {
        Self::at(now + settings.half_close_timeout.unwrap_or(FAR), now)
    }

    /// `half_close_timeout` from when something passed last.
    pub(super) fn of_quiet(settings: &WebsocketSettings, now: Instant) -> Self {
        let quiet = settings.half_close_timeout.unwrap_or(FAR);
        Self { quiet: Some(quiet), ..Self::of_half_close(settings, now) }
    }

    fn at(at: Instant, now: Instant) -> Self {
        Self { at, latest: None, quiet: None, is_forced: false, taken: PerSide::default(), looked: now }
    }

    /// Whether it lies ahead.
    pub(super) fn is_ahead(&self, now: Instant) -> bool {
        now < self.at
    }

    /// What it may not pass.
    pub(super) fn latest(&self) -> Option<Instant> {
        self.latest
    }

    /// When to look again whether somebody is to be waited for: at the deadline, and often enough before it to know when a
    /// side last took something.
    pub(super) fn next_look(&self, settings: &WebsocketSettings) -> Instant {
        if self.latest == Some(self.at) {
            return self.at;
        }
        self.at.min(self.looked + step(self.quiet.unwrap_or(self.patience(settings))))
    }

    /// Whoever is to be waited for is asked about `now`.
    pub(super) fn note_looked(&mut self, now: Instant) {
        self.looked = now;
    }

    /// A drain that comes on top may bring the end nearer, never put it off.
    pub(super) fn hurry(&mut self, deadline: Instant) {
        self.at = self.at.min(deadline);
        self.latest = Some(self.latest.map_or(deadline, |latest| latest.min(deadline)));
    }

    /// Nothing more will go to a side: it has so long to end its own direction.
    pub(super) fn restart(&mut self, settings: &WebsocketSettings, now: Instant) {
        self.at = self.at_latest(now + self.patience(settings));
    }

    /// Puts the deadline off where `side` took something of the last that is for it: its time to answer counts from then on, and
    /// so it does from the moment when a Close has reached it. Says whether the deadline lies ahead now.
    pub(super) fn wait_for(
        &mut self,
        side: Side,
        delivery: &Delivery,
        is_close_sent: bool,
        settings: &WebsocketSettings,
        now: Instant,
    ) -> bool {
        let taken = self.taken[side].look(delivery, now);
        // Only a Close is answered: of a FIN that has arrived nothing more is to be expected.
        let Some(taken) = taken.filter(|_| delivery.outstanding || is_close_sent) else { return false };
        self.at = self.at.max(self.at_latest(taken + self.patience(settings)));
        self.is_ahead(now)
    }

    /// Something passed.
    pub(super) fn note_passed(&mut self, now: Instant) {
        if let Some(quiet) = self.quiet {
            self.at = self.at_latest(now + quiet);
        }
    }

    /// It has come, and boundaries are not waited for any more.
    pub(super) fn force(&mut self) {
        self.is_forced = true;
    }

    /// Whether it has come once.
    pub(super) fn is_forced(&self) -> bool {
        self.is_forced
    }

    /// Whether it is only about a side that is quiet.
    pub(super) fn waits_for_quiet(&self) -> bool {
        self.quiet.is_some() && !self.is_forced
    }

    /// Panics where an invariant does not hold.
    pub(super) fn check_invariants(&self) {
        assert!(self.latest.is_none_or(|latest| self.at <= latest), "later than the latest: {self:?}");
    }

    /// How long a side has from when it has all that is for it.
    fn patience(&self, settings: &WebsocketSettings) -> Duration {
        if self.is_forced { settings.closing_timeout.min(LAST_MOMENT) } else { settings.closing_timeout }
    }

    fn at_latest(&self, deadline: Instant) -> Instant {
        self.latest.map_or(deadline, |latest| latest.min(deadline))
    }
}
