//! What the two directions of a tunnel share.

use std::sync::Arc;

use tokio::time::Instant;

use super::closing::{Closing, Word};
use super::ending::Ending;
use super::judged::Mark;
use super::liveness::{Liveness, Speech};
use super::parameters::TunnelParameters;
use crate::config::WebsocketSettings;
use crate::websocket::{PerSide, Side};

/// What both directions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Arc<WebsocketSettings>,
    pub(super) speech: Speech,
    pub(super) liveness: Liveness,
    pub(super) closing: Option<Box<Closing>>,
    /// The payload of our own pings.
    pub(super) mark: Mark,
    /// We do not read from it: its sink is slow, or it is too fast.
    pub(super) unread: PerSide<bool>,
    /// Something may be due earlier than the timer.
    pub(super) rearm: bool,
}

impl Shared {
    pub(super) fn new(parameters: TunnelParameters, now: Instant) -> Self {
        let speech = parameters.speech();
        Self {
            liveness: Liveness::new(&parameters.settings, speech, now, fastrand::f64() * 2.0 - 1.0),
            settings: parameters.settings,
            speech,
            closing: None,
            mark: fastrand::u64(..).to_ne_bytes(),
            unread: PerSide::default(),
            rearm: true,
        }
    }

    /// Starts the end, unless it has begun: the first cause stands.
    pub(super) fn end(&mut self, ending: Ending, now: Instant) -> &mut Closing {
        self.rearm = true;
        self.closing.get_or_insert_with(|| Box::new(Closing::new(ending, &self.settings, self.speech, now)))
    }

    /// Whether all its timers hold: nothing ends it, or only half of a raw tunnel has ended, and the other goes on.
    pub(super) fn goes_on(&self) -> bool {
        self.closing.as_ref().is_none_or(|closing| closing.waits_for_quiet())
    }

    /// A timer ends what goes on. That half of it had ended before is not the cause; what a drain has set stands.
    pub(super) fn end_what_goes_on(&mut self, ending: Ending, now: Instant) {
        let latest = self.closing.take().and_then(|half| half.latest());
        let closing = self.end(ending, now);
        if let Some(latest) = latest {
            closing.hurry(latest);
        }
    }

    /// Whether a frame of ours waits for a boundary on the way to `side`.
    pub(super) fn has_frame_for(&self, side: Side) -> bool {
        match &self.closing {
            Some(closing) => matches!(closing.word_for(side, false), Word::Close(..)),
            None => self.liveness.wants_ping(side),
        }
    }

    /// Whether a Close that comes from `side` now goes on to the other one.
    pub(super) fn passes_close(&self, side: Side) -> bool {
        self.closing.as_ref().is_none_or(|closing| closing.passes_close(side))
    }

    /// Who was told with a Close so far.
    pub(super) fn told(&self) -> PerSide<bool> {
        let told = |side| self.closing.as_ref().is_some_and(|closing| closing.is_told(side));
        PerSide { client: told(Side::Client), upstream: told(Side::Upstream) }
    }
}
