//! A route that asks, as the book has it: how fast it may, and what is known of its server.

use std::time::Duration;

use tokio::time::Instant;

use crate::authorize::recheck::asking_route::AskingRoute;
use crate::config::{AuthorizeSettings, RecheckSettings};

/// A route that asks.
#[derive(Debug)]
pub(super) struct RoutePage {
    pub(super) now: AskingRoute,
    /// When the next question may be asked: each takes its share of a second.
    pub(super) next_free: Option<Instant>,
    pub(super) under_way: usize,
    /// Its last question had no answer.
    pub(super) is_failing: bool,
    /// Questions wait for their share of a second for longer than they should be apart.
    pub(super) is_behind: bool,
}

/// What is new of a server that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authorize::recheck) enum ServerNews {
    /// It does not answer any more.
    Silent,
    /// It does again.
    Answers,
}

/// What is new of how fast a route may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authorize::recheck) enum PaceNews {
    /// It does not get round to asking as often as it should.
    Behind,
    /// It does again.
    CaughtUp,
}

impl RoutePage {
    /// A question has to wait so long for its share of a second.
    pub(super) fn note_wait(&mut self, wait: Duration, recheck: RecheckSettings) -> Option<PaceNews> {
        let was_behind = self.is_behind;
        // Not there and back again at one border.
        self.is_behind = wait > if was_behind { recheck.every / 2 } else { recheck.every };
        (self.is_behind != was_behind).then_some(if was_behind { PaceNews::CaughtUp } else { PaceNews::Behind })
    }

    pub(super) fn authorize(&self) -> Option<&AuthorizeSettings> {
        self.now.authorize()
    }

    pub(super) fn recheck(&self) -> Option<RecheckSettings> {
        self.authorize()?.recheck
    }
}
