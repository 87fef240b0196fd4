//! What was counted since the start, as the page draws it: each number only grows, and a rate is the difference of two.

use std::borrow::Cow;

use serde::Serialize;

use crate::metrics::{Distribution, EndingCount};
use crate::session::Proxy;
use crate::websocket::Direction;

/// All of it.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) traffic: TrafficSection,
    pub(super) endings: Vec<EndingSection>,
    pub(super) refusals: Vec<WordCount>,
    pub(super) reconnections: Vec<WordCount>,
    pub(super) handshakes: HandshakesSection,
}

/// What went through tunnels.
#[derive(Debug, Default, Serialize)]
pub(super) struct TrafficSection {
    messages: DirectionsSection,
    bytes: DirectionsSection,
}

#[derive(Debug, Default, Serialize)]
struct DirectionsSection {
    from_client: u64,
    from_upstream: u64,
}

/// Tunnels that ended in one way; only those that there were.
#[derive(Debug, Serialize)]
pub(super) struct EndingSection {
    outcome: &'static str,
    by: &'static str,
    code: Cow<'static, str>,
    count: u64,
}

/// A word, and how often; only what there was.
#[derive(Debug, Serialize)]
pub(super) struct WordCount {
    word: &'static str,
    count: u64,
}

/// How long handshakes took.
#[derive(Debug, Serialize)]
pub(super) struct HandshakesSection {
    /// In seconds: the upper ends of all buckets but the last, which has none.
    borders: Vec<f64>,
    /// Each part, and the `total`.
    phases: Vec<PhaseSection>,
}

#[derive(Debug, Serialize)]
struct PhaseSection {
    name: &'static str,
    /// How many took how long: one number a bucket.
    counts: Vec<u64>,
}

/// Sums it up once.
pub(super) fn since_the_start(proxy: &Proxy) -> Counted {
    let metrics = &proxy.metrics;
    let ended = metrics.endings().into_iter().filter(|ending| ending.count > 0);
    let phases = metrics.phases();
    let borders = phases.first().map(|(_, spread)| spread.buckets.iter().map(|(border, _)| *border).collect());
    Counted {
        traffic: traffic(proxy),
        endings: ended
            .map(|EndingCount { outcome, by, code, count }| EndingSection { outcome, by, code, count })
            .collect(),
        refusals: counts(metrics.refusals()),
        reconnections: counts(metrics.reconnections()),
        handshakes: HandshakesSection {
            borders: borders.unwrap_or_default(),
            phases: phases
                .iter()
                .map(|(phase, spread)| PhaseSection { name: phase.as_str(), counts: buckets(spread) })
                .collect(),
        },
    }
}

fn traffic(proxy: &Proxy) -> TrafficSection {
    let mut all = TrafficSection::default();
    for route in proxy.registry.traffic().by_route().values() {
        let (from_client, from_upstream) = (route.counts[Direction::FromClient], route.counts[Direction::FromUpstream]);
        all.messages.from_client += from_client.messages;
        all.messages.from_upstream += from_upstream.messages;
        all.bytes.from_client += from_client.bytes;
        all.bytes.from_upstream += from_upstream.bytes;
    }
    all
}

fn counts(counted: Vec<(&'static str, u64)>) -> Vec<WordCount> {
    counted.into_iter().filter(|(_, count)| *count > 0).map(|(word, count)| WordCount { word, count }).collect()
}

fn buckets(spread: &Distribution) -> Vec<u64> {
    spread.buckets.iter().map(|(_, count)| *count).chain([spread.beyond]).collect()
}
