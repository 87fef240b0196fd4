//! What counters come to: how fast they grow now, and how much they have grown in the last minute.
//!
//! The process remembers no past: a minute is full when it was watched for one. Where another process answers, all counts begin anew.

use std::collections::{BTreeMap, VecDeque};

use super::seen::{EndingSeen, ProcessIdentity, Seen, TrafficSeen, WordCount};
use crate::admin::InDirections;

/// What was counted, at several moments.
#[derive(Clone, Debug, Default)]
pub(super) struct Measure {
    /// The oldest first; the first may be older than the minute.
    samples: VecDeque<Sample>,
}

/// How fast it grows, a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) messages: InDirections<f64>,
    pub(super) bytes: InDirections<f64>,
}

#[derive(Clone, Debug)]
struct Sample {
    at: u64,
    /// Whose counts they are.
    counter: ProcessIdentity,
    traffic: TrafficSeen,
    endings: Vec<EndingSeen>,
    refusals: u64,
    reconnections: u64,
    /// The tunnels of each endpoint.
    endpoints: BTreeMap<String, usize>,
}

/// In milliseconds.
const MINUTE: u64 = 60_000;

impl Measure {
    /// Takes what is counted now.
    pub(super) fn note(&mut self, seen: &Seen) {
        let sample = Sample::of(seen);
        // Who joins the feed again hears the last event again.
        if self.samples.back().is_some_and(|last| last.counter == sample.counter && last.at == sample.at) {
            return;
        }
        let follows = self.samples.back().is_none_or(|last| last.counter == sample.counter && last.at < sample.at);
        if !follows {
            self.samples.clear();
        }
        let minute_ago = sample.at.saturating_sub(MINUTE);
        self.samples.push_back(sample);
        while self.samples.get(1).is_some_and(|second| second.at <= minute_ago) {
            self.samples.pop_front();
        }
    }

    /// How fast it went between the last two moments; `None` before there are two.
    #[expect(clippy::cast_precision_loss, reason = "people read it")]
    pub(super) fn rates(&self) -> Option<Rates> {
        let (last, before) = (self.samples.back()?, self.samples.iter().rev().nth(1)?);
        let seconds = (last.at.saturating_sub(before.at) as f64 / 1000.0).max(0.001);
        let grown = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        let both = |now: InDirections<u64>, then: InDirections<u64>| InDirections {
            from_client: grown(now.from_client, then.from_client),
            from_upstream: grown(now.from_upstream, then.from_upstream),
        };
        Some(Rates {
            messages: both(last.traffic.messages, before.traffic.messages),
            bytes: both(last.traffic.bytes, before.traffic.bytes),
        })
    }

    /// How many seconds the last minute has so far.
    pub(super) fn seconds(&self) -> u64 {
        self.ends().map_or(0, |(first, last)| last.at.saturating_sub(first.at).min(MINUTE) / 1000)
    }

    /// How tunnels ended in the last minute, the most frequent first.
    pub(super) fn endings(&self) -> Vec<EndingSeen> {
        let Some((first, last)) = self.ends() else { return Vec::new() };
        let is_same = |one: &EndingSeen, other: &EndingSeen| {
            (&one.outcome, &one.by, &one.code) == (&other.outcome, &other.by, &other.code)
        };
        let mut grown: Vec<_> = last
            .endings
            .iter()
            .map(|now| {
                let then = first.endings.iter().find(|then| is_same(then, now)).map_or(0, |then| then.count);
                EndingSeen { count: now.count.saturating_sub(then), ..now.clone() }
            })
            .filter(|it| it.count > 0)
            .collect();
        grown.sort_by(|one, other| {
            let name = |it: &EndingSeen| (it.outcome.clone(), it.by.clone(), it.code.clone());
            other.count.cmp(&one.count).then_with(|| name(one).cmp(&name(other)))
        });
        grown
    }

    /// How many were refused in the last minute, and how many came back whose tunnel had ended.
    pub(super) fn refusals_and_reconnections(&self) -> (u64, u64) {
        self.ends().map_or((0, 0), |(first, last)| {
            (last.refusals.saturating_sub(first.refusals), last.reconnections.saturating_sub(first.reconnections))
        })
    }

    /// How many tunnels more an endpoint (`UPSTREAM/NAME`) has than a minute ago.
    pub(super) fn change_of(&self, endpoint: &str) -> i64 {
        let of = |sample: &Sample| {
            let tunnels = sample.endpoints.get(endpoint).copied().unwrap_or_default();
            i64::try_from(tunnels).unwrap_or(i64::MAX)
        };
        self.ends().map_or(0, |(first, last)| of(last).saturating_sub(of(first)))
    }

    fn ends(&self) -> Option<(&Sample, &Sample)> {
        Some((self.samples.front()?, self.samples.back()?))
    }
}

impl Sample {
    fn of(seen: &Seen) -> Self {
        let all = |words: &[WordCount]| words.iter().fold(0_u64, |sum, it| sum.saturating_add(it.count));
        let endpoints = seen.upstreams.iter().flat_map(|upstream| {
            let name = |name: &str| format!("{}/{name}", upstream.name);
            upstream.endpoints.iter().map(move |it| (name(&it.name), it.tunnels))
        });
        Self {
            at: seen.at,
            counter: seen.process.identity(),
            traffic: seen.traffic,
            endings: seen.endings.clone(),
            refusals: all(&seen.refusals),
            reconnections: all(&seen.reconnections),
            endpoints: endpoints.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, messages: u64, count: u64) -> Seen {
        let mut seen = Seen { at: seconds * 1000, ..Seen::default() };
        seen.traffic.messages.from_client = messages;
        let ending = EndingSeen { outcome: "client_closed".into(), by: "client".into(), code: "1000".into(), count };
        seen.endings = vec![ending, EndingSeen { outcome: "killed".into(), count: 1, ..EndingSeen::default() }];
        seen.refusals = vec![WordCount { count }];
        seen
    }

    #[test]
    fn rates_are_of_the_last_two_looks_and_endings_of_the_last_minute() {
        let mut measure = Measure::default();
        measure.note(&at(0, 100, 5));
        assert_eq!((measure.rates(), measure.seconds()), (None, 0));
        measure.note(&at(2, 120, 6));
        assert_eq!(measure.rates().unwrap().messages.from_client, 10.0);
        let all: Vec<_> = measure.endings().iter().map(|it| (it.outcome.clone(), it.count)).collect();
        assert_eq!(all, [("client_closed".to_owned(), 1)], "what was there at the first look did not end since");
        assert_eq!(measure.refusals_and_reconnections(), (1, 0));
        for second in 3..=120 {
            measure.note(&at(second, 120, 6 + second));
        }
        assert_eq!((measure.seconds(), measure.samples.len()), (60, 61));
        assert_eq!(measure.endings()[0].count, 60);
        assert_eq!(measure.rates().unwrap().messages.from_client, 0.0);
    }

    #[test]
    fn the_same_look_again_changes_nothing() {
        let mut measure = Measure::default();
        measure.note(&at(0, 100, 5));
        measure.note(&at(2, 120, 6));
        measure.note(&at(2, 120, 6));
        assert_eq!((measure.rates().unwrap().messages.from_client, measure.seconds()), (10.0, 2));
    }

    #[test]
    fn another_process_counts_anew() {
        let mut measure = Measure::default();
        measure.note(&at(0, 100, 5));
        measure.note(&at(1, 200, 9));
        let mut successor = at(2, 3, 1);
        successor.process.pid = 9;
        measure.note(&successor);
        assert_eq!((measure.rates(), measure.endings().len()), (None, 0));
    }
}
