//! The counters.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::time::Instant;
use xxhash_rust::xxh64::xxh64;

use super::authorizations::{AuthResult, Authorizations};
use super::buckets::{Buckets, WAITS};
use super::cells::add;
use super::client_protocols::{ClientProtocol, ClientProtocols};
use super::counted_tunnel::{CountedTunnel, TunnelEnd};
use super::gone_routes::GoneRoutes;
use super::moves::Moves;
use super::per_worker::PerWorker;
use super::phases::{HandshakeTimes, Phases};
use super::recent_endings::RecentEndings;
use super::refusal_kind::RefusalKind;
use super::reloads::{ReloadCounts, ReloadResult, Reloads};
use super::route_counts::RouteCounts;
use super::spans::{SpanFate, Spans};
use super::table::Table;
use super::tls_failures::TlsFailures;
use super::words::{KnownWords, Words, class_of, code_label};
use crate::config::{ListenerName, RouteName, UpstreamName};
use crate::drain::Stays;
use crate::websocket::Leniency;

/// The counters of the process.
#[derive(Debug)]
pub struct Metrics {
    /// How many workers count.
    workers: usize,
    /// What the times of endings are counted from.
    begun: Instant,
    /// What stands at 0 from the start.
    pub(super) words: KnownWords,
    /// What is counted of each route.
    pub(super) routes: Table<RouteName, RouteCounts>,
    /// What was counted of routes that are gone: sums go on.
    pub(super) gone: GoneRoutes,
    /// Requests that got an answer of our own, by its reason.
    pub(super) refusals: Table<&'static str, AtomicU64>,
    /// Whose tunnels ended a moment ago.
    recent: RecentEndings,
    /// How long handshakes took.
    pub(super) phases: Phases,
    /// What else is timed.
    pub(super) times: PerWorker<Times>,
    /// Requests and tunnels that needed a leniency of their route, by what it was.
    pub(super) lenient: Family<WhatLabels, Counter>,
    /// Reloads, by what came of them.
    pub(super) reloads: Reloads,
    /// Lines of the log that nobody read in time.
    pub(super) log_lines_dropped: Counter,
    /// What has become of the spans of traces.
    pub(super) spans: Spans,
    /// What came of what clients speak.
    pub(super) client_protocols: ClientProtocols,
    /// Questions whether requests may enter.
    pub(super) authorizations: Authorizations,
    pub(super) moves: Moves,
    /// Attempts to prolong tunnels, by what came of them.
    pub(super) renewals: Table<&'static str, AtomicU64>,
    /// Connections with endpoints that came to no TLS, by upstream and why.
    pub(super) endpoint_tls_failures: TlsFailures,
}

/// What one worker has timed.
#[derive(Debug)]
pub(super) struct Times {
    /// From a request to the 101 that answers it.
    pub(super) opening: Buckets,
    /// From the first packet to an endpoint to the connection with it.
    pub(super) connecting: Buckets,
    /// How long those waited in a queue who got what they waited for.
    pub(super) waiting: Buckets,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WhatLabels {
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    result: &'static str,
}

impl ResultLabels {
    pub(super) fn new(result: &'static str) -> Self {
        Self { result }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(Words::default(), 1)
    }
}

impl Metrics {
    /// Counters that exist at 0 for each of these `words`, and to which so many workers count.
    pub fn new(words: Words<'_>, workers: usize) -> Self {
        let metrics = Self {
            workers,
            begun: Instant::now(),
            words: KnownWords::of(words),
            routes: Table::default(),
            gone: GoneRoutes::default(),
            refusals: Table::default(),
            recent: RecentEndings::default(),
            phases: Phases::new(workers),
            times: PerWorker::new(workers),
            lenient: Family::default(),
            reloads: Reloads::default(),
            client_protocols: ClientProtocols::new(workers),
            authorizations: Authorizations::default(),
            moves: Moves::default(),
            renewals: Table::default(),
            endpoint_tls_failures: TlsFailures::default(),
            log_lines_dropped: Counter::default(),
            spans: Spans::default(),
        };
        words.refusals.iter().for_each(|reason| metrics.refusals.ensure(reason, AtomicU64::default));
        words.renewals.iter().for_each(|result| metrics.renewals.ensure(result, AtomicU64::default));
        for leniency in Leniency::ALL {
            metrics.lenient.get_or_create_owned(&WhatLabels { what: leniency.as_str() });
        }
        metrics
    }

    /// A configuration is served that has these `routes` and listeners, and upstreams: what was counted of others is forgotten, as soon
    /// as their tunnels have ended.
    pub fn keep_to<'r>(
        &self,
        routes: impl Iterator<Item = &'r RouteName>,
        is_listener: impl Fn(&ListenerName) -> bool,
        is_upstream: impl Fn(&UpstreamName) -> bool,
    ) {
        let routes: HashSet<_> = routes.collect();
        routes.iter().for_each(|route| self.routes.ensure(route, || RouteCounts::new(self.workers)));
        let gone = self.routes.keep(|route, counts| routes.contains(route) || !counts.is_idle());
        gone.iter().for_each(|counts| self.gone.take_in(counts));
        self.routes.all().iter().for_each(|(_, counts)| counts.keep_listeners(&is_listener));
        self.endpoint_tls_failures.keep(is_upstream);
    }

    /// Counts a tunnel whose two streams were joined.
    pub fn tunnel_opened(&self, place: CountedTunnel<'_>) {
        self.client_protocols.note_opened(place.protocol);
        self.of_route(place.route, |counts| counts.note_opened(place.listener, place.protocol));
    }

    /// Counts a tunnel that goes on here, and has opened in another process.
    pub fn tunnel_arrived(&self, place: CountedTunnel<'_>) {
        self.client_protocols.note_arrived(place.protocol);
        self.of_route(place.route, |counts| counts.note_arrived(place.listener, place.protocol));
    }

    /// Counts a tunnel that goes on in another process.
    pub fn tunnel_left(&self, place: CountedTunnel<'_>) {
        self.client_protocols.note_left(place.protocol);
        self.of_route(place.route, |counts| counts.note_left(&(place.listener.clone(), place.protocol)));
    }

    /// Counts a tunnel that goes on here, of which is known no more what its messages inflate to.
    pub fn tunnel_lost_inflate_limit(&self) {
        self.moves.note_lost_inflate_limit();
    }

    /// Counts the open tunnels of a process before: those that go on here, and those that do not, by why.
    pub fn tunnels_moved(&self, moved: usize, stayed: &BTreeMap<Stays, usize>, longest_pause: Duration) {
        self.moves.note(moved, stayed, longest_pause);
    }

    /// Counts a tunnel that has ended.
    pub fn tunnel_ended(&self, place: CountedTunnel<'_>, end: &TunnelEnd) {
        let CountedTunnel { listener, route, protocol } = place;
        self.client_protocols.note_ended(protocol);
        let key = (end.outcome, end.by, code_label(end.code));
        self.of_route(route, |counts| counts.note_ended(&(listener.clone(), protocol), &key, (end.life, end.quiet)));
        let way = self.words.outcomes.iter().position(|outcome| *outcome == end.outcome);
        if let Some(way) = way.and_then(|way| u8::try_from(way).ok()) {
            self.recent.note(client_key(route, end.key), way, self.begun.elapsed());
        }
    }

    /// A client that is known by `key` asks `route` for a tunnel: if one of its ended there within the last minute, it has come back.
    pub fn client_came(&self, route: &RouteName, key: u64) {
        let Some(way) = self.recent.take(client_key(route, key), self.begun.elapsed()) else { return };
        if let Some(outcome) = self.words.outcomes.get(usize::from(way)) {
            self.of_route(route, |counts| {
                counts.reconnections.with(outcome, AtomicU64::default, |count| add(count, 1));
            });
        }
    }

    /// Counts a client's connection over which this is spoken.
    pub fn client_connected(&self, protocol: ClientProtocol) {
        self.client_protocols.note_connection(protocol);
    }

    /// Counts a question whether a request may enter.
    pub fn authorized(&self, result: AuthResult) {
        self.authorizations.asked(result);
    }

    /// Counts a question whether open tunnels may stay.
    pub fn authorized_again(&self, result: AuthResult) {
        self.authorizations.asked_again(result);
    }

    /// A tunnel is about to open, so long after its request came; the parts of its handshake took these times.
    pub fn opening_took(&self, after_request: Duration, times: &HandshakeTimes) {
        self.mine().opening.note(after_request);
        self.phases.note(times);
    }

    /// Counts a connection with an endpoint, which took so long.
    pub fn connected(&self, took: Duration) {
        self.mine().connecting.note(took);
    }

    /// Counts a connection with an endpoint of `upstream` that came to no TLS, by a word for why.
    pub fn endpoint_tls_failed(&self, upstream: &UpstreamName, reason: &'static str) {
        self.endpoint_tls_failures.note(upstream, reason);
    }

    /// Counts somebody whose waiting in a queue is over, so long after it began, since there is a place or a turn.
    pub fn waited(&self, took: Duration) {
        self.mine().waiting.note(took);
    }

    /// Counts a request that was refused, or a connection on which none could be read; with its route, where it has found one.
    pub fn refused(&self, reason: &'static str, kind: RefusalKind, route: Option<&RouteName>) {
        self.refusals.with(&reason, AtomicU64::default, |count| add(count, 1));
        if let Some(route) = route {
            self.of_route(route, |counts| counts.note_refused(kind));
        }
    }

    /// Counts a plain request of a route that was not refused: the status of the answer, if there was one, a word for how it ended,
    /// and how long it took.
    pub fn exchanged(
        &self,
        (route, protocol): (&RouteName, ClientProtocol),
        status: Option<u16>,
        outcome: &'static str,
        took: Duration,
    ) {
        self.client_protocols.note_exchange(protocol);
        self.of_route(route, |counts| counts.note_exchange((class_of(status), outcome), took));
    }

    /// Counts an attempt to prolong tunnels.
    pub fn renewed(&self, result: &'static str) {
        self.renewals.with(&result, AtomicU64::default, |count| add(count, 1));
    }

    /// Counts a request or a tunnel that needed this.
    pub fn lenient(&self, leniency: Leniency) {
        self.lenient.get_or_create(&WhatLabels { what: leniency.as_str() }).inc();
    }

    /// Counts a reload at this time, in seconds since 1970.
    pub fn reloaded(&self, result: ReloadResult, unix_seconds: u64) {
        self.reloads.note(result, unix_seconds);
    }

    /// How many reloads there were.
    pub fn reloads(&self) -> ReloadCounts {
        self.reloads.counts()
    }

    /// The counter of log lines that nobody read in time, for whoever drops them.
    pub fn log_lines_dropped(&self) -> Counter {
        self.log_lines_dropped.clone()
    }

    /// Counts spans of traces that have come to this.
    pub fn spans(&self, fate: SpanFate, count: usize) {
        self.spans.note(fate, count);
    }

    fn of_route<R>(&self, route: &RouteName, act: impl FnOnce(&RouteCounts) -> R) -> R {
        self.routes.with(route, || RouteCounts::new(self.workers), act)
    }

    fn mine(&self) -> &Times {
        self.times.mine(|| Times {
            opening: Buckets::new(&WAITS),
            connecting: Buckets::new(&WAITS),
            waiting: Buckets::new(&WAITS),
        })
    }
}

/// By what a client of a route is known: it may be somebody else elsewhere.
fn client_key(route: &RouteName, key: u64) -> u64 {
    xxh64(&key.to_be_bytes(), xxh64(route.as_str().as_bytes(), 0))
}
