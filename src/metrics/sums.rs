//! What was counted, summed over the routes, those too that are gone: for those who show it to people.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::buckets::{Distribution, WAITS};
use super::cells::load;
use super::counters::Metrics;
use super::gone_routes::RouteSums;
use super::phases::HandshakePhase;

/// How many tunnels ended in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingCount {
    /// The word for why.
    pub outcome: &'static str,
    /// Who began it: `client`, `upstream` or `windlass`.
    pub by: &'static str,
    /// With which code: a number, `3xxx`, `4xxx` or `none`.
    pub code: Cow<'static, str>,
    /// How many.
    pub count: u64,
}

/// How many exchanges ended in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeCount {
    /// The class of the answer's status: `2xx` to `5xx`, `other`, or `none` where there was no answer.
    pub class: &'static str,
    /// The word for how it ended.
    pub outcome: &'static str,
    /// How many.
    pub count: u64,
}

impl Metrics {
    /// How tunnels ended, in every way that there was. Each look goes through all routes: it is for people.
    pub fn endings(&self) -> Vec<EndingCount> {
        let ended = self.over_routes().ended.into_iter();
        ended.map(|((outcome, by, code), count)| EndingCount { outcome, by, code, count }).collect()
    }

    /// How exchanges ended, in every way that there was.
    pub fn exchanges(&self) -> Vec<ExchangeCount> {
        let exchanges = self.over_routes().exchanges.into_iter();
        exchanges.map(|((class, outcome), count)| ExchangeCount { class, outcome, count }).collect()
    }

    /// How many were refused, by the reason, in the order of those.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        let sums: BTreeMap<_, _> =
            self.refusals.all().into_iter().map(|(reason, count)| (reason, load(&count))).collect();
        sums.into_iter().collect()
    }

    /// Clients that came back within a minute, by how their tunnel had ended.
    pub fn reconnections(&self) -> Vec<(&'static str, u64)> {
        self.over_routes().reconnections.into_iter().collect()
    }

    /// How long after their request tunnels opened.
    pub fn opening(&self) -> Distribution {
        Distribution::of(&WAITS, self.times.each().map(|times| &times.opening))
    }

    /// How long the parts of handshakes took whose tunnels opened.
    pub fn phases(&self) -> Vec<(HandshakePhase, Distribution)> {
        HandshakePhase::ALL.into_iter().map(|phase| (phase, self.phases.of(phase))).collect()
    }

    fn over_routes(&self) -> RouteSums {
        let mut sums = self.gone.all();
        self.routes.all().iter().for_each(|(_, counts)| sums.add(counts));
        sums
    }
}
