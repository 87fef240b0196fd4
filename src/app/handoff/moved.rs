//! What has become of the tunnels that were to move.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::admin::HandoffAnswer;
use crate::drain::Stays;
use crate::handoff::HandoffMessage;

/// How many tunnels have moved to another process, and how many have not, and why.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Moved {
    pub(super) moved: usize,
    pub(super) stayed: BTreeMap<Stays, usize>,
    /// The longest that one stood still.
    pub(super) longest: Duration,
}

impl Moved {
    pub(super) fn note_moved(&mut self, tunnels: usize, stood_still: Duration) {
        self.moved += tunnels;
        self.longest = self.longest.max(stood_still);
    }

    pub(super) fn note_stays(&mut self, why: Stays) {
        *self.stayed.entry(why).or_default() += 1;
    }

    /// How many have not moved.
    pub(super) fn stayed(&self) -> usize {
        self.stayed.values().sum()
    }

    /// For the other process.
    pub(super) fn message(&self) -> HandoffMessage {
        let longest_pause_us = u64::try_from(self.longest.as_micros()).unwrap_or(u64::MAX);
        HandoffMessage::TunnelsMoved { moved: self.moved, stayed: self.by_word(), longest_pause_us }
    }

    /// For who has asked for the handoff to this process.
    pub(in crate::app) fn answer(&self, pid: u32) -> HandoffAnswer {
        let longest_pause_ms = milliseconds(self.longest);
        HandoffAnswer { pid, moved: self.moved, stayed: self.by_word(), longest_pause_ms }
    }

    /// The one line of a handoff about its tunnels.
    pub(in crate::app) fn say(&self, successor: u32) {
        let Self { moved, longest, .. } = self;
        let of = |stays| self.stayed.get(&stays).copied();
        tracing::info!(
            successor,
            moved,
            stayed = self.stayed(),
            not_agreed = of(Stays::NotAgreed),
            tls12 = of(Stays::Tls12),
            http2 = of(Stays::Http2),
            ending = of(Stays::Ending),
            gone = of(Stays::Gone),
            full = of(Stays::Full),
            busy = of(Stays::Busy),
            late = of(Stays::Late),
            failed = of(Stays::Failed),
            longest_pause_ms = milliseconds(*longest),
            "what became of the open tunnels"
        );
    }

    fn by_word(&self) -> BTreeMap<String, usize> {
        self.stayed.iter().map(|(why, tunnels)| (why.to_string(), *tunnels)).collect()
    }
}

/// As a person reads it: to the hundredth.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
