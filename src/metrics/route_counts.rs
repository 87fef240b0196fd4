//! What is counted of each route.
//!
//! Invariant: there are the routes of the configuration, and of those that are gone the ones whose tunnels have not all ended:
//! how they end is counted too. A sum over the routes misses nobody until then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::buckets::{Buckets, Distribution, LIVES, QUIETS, WAITS};
use super::cells::{add, at, load};
use super::client_protocols::ClientProtocol;
use super::per_worker::PerWorker;
use super::refusal_kind::RefusalKind;
use super::table::Table;
use crate::config::ListenerName;

/// How, by whom and with which code tunnels end.
pub(super) type EndingKey = (&'static str, &'static str, Cow<'static, str>);

/// How exchanges end: the class of the answer's status, and a word for how.
pub(super) type ExchangeKey = (&'static str, &'static str);

/// The counts of one route.
#[derive(Debug)]
pub(super) struct RouteCounts {
    workers: PerWorker<RouteCell>,
    /// Tunnels that ended. Shared: each counts here once in its life.
    pub(super) ended: Table<EndingKey, AtomicU64>,
    /// Clients that came back soon after their tunnel had ended, by how that was.
    pub(super) reconnections: Table<&'static str, AtomicU64>,
    /// Requests that were refused, by the place of the kind.
    refused: [AtomicU64; RefusalKind::ALL.len()],
    /// Tunnels that are open.
    open: Table<(ListenerName, ClientProtocol), AtomicI64>,
}

/// What one worker counts of a route.
#[derive(Debug)]
struct RouteCell {
    opened: [AtomicU64; ClientProtocol::ALL.len()],
    exchanges: Table<ExchangeKey, AtomicU64>,
    answering: Buckets,
    lives: Buckets,
    quiets: Buckets,
}

impl RouteCounts {
    /// Of a route that so many workers serve.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            workers: PerWorker::new(workers),
            ended: Table::default(),
            reconnections: Table::default(),
            refused: Default::default(),
            open: Table::default(),
        }
    }

    /// A tunnel opens.
    pub(super) fn note_opened(&self, listener: &ListenerName, protocol: ClientProtocol) {
        add(at(&self.mine().opened, protocol as usize), 1);
        self.open.with(&(listener.clone(), protocol), AtomicI64::default, |open| open.fetch_add(1, Ordering::Relaxed));
    }

    /// A tunnel goes on here that came through `listener` of another process.
    pub(super) fn note_arrived(&self, listener: &ListenerName, protocol: ClientProtocol) {
        self.open.with(&(listener.clone(), protocol), AtomicI64::default, |open| open.fetch_add(1, Ordering::Relaxed));
    }

    /// A tunnel goes on in another process that came through a listener here.
    pub(super) fn note_left(&self, place: &(ListenerName, ClientProtocol)) {
        self.open.with(place, AtomicI64::default, |open| open.fetch_sub(1, Ordering::Relaxed));
    }

    /// A tunnel has ended that came through `listener`.
    pub(super) fn note_ended(
        &self,
        place: &(ListenerName, ClientProtocol),
        key: &EndingKey,
        times: (Duration, Duration),
    ) {
        self.ended.with(key, AtomicU64::default, |count| add(count, 1));
        self.open.with(place, AtomicI64::default, |open| open.fetch_sub(1, Ordering::Relaxed));
        let (life, quiet) = times;
        let cell = self.mine();
        cell.lives.note(life);
        cell.quiets.note(quiet);
    }

    /// An exchange has ended, so long after it was asked for.
    pub(super) fn note_exchange(&self, key: ExchangeKey, took: Duration) {
        let cell = self.mine();
        cell.exchanges.with(&key, AtomicU64::default, |count| add(count, 1));
        cell.answering.note(took);
    }

    /// A request of it was refused.
    pub(super) fn note_refused(&self, kind: RefusalKind) {
        add(at(&self.refused, kind as usize), 1);
    }

    /// Whether no tunnel of it is open.
    pub(super) fn is_idle(&self) -> bool {
        self.open.all().iter().all(|(_, open)| open.load(Ordering::Relaxed) <= 0)
    }

    /// Its open tunnels.
    pub(super) fn open(&self) -> Vec<((ListenerName, ClientProtocol), i64)> {
        self.open.all().into_iter().map(|(place, open)| (place, open.load(Ordering::Relaxed))).collect()
    }

    /// Forgets the listeners that are gone, unless somebody who came through one is here still.
    pub(super) fn keep_listeners(&self, is_there: impl Fn(&ListenerName) -> bool) {
        self.open.keep(|(listener, _), open| is_there(listener) || open.load(Ordering::Relaxed) > 0);
    }

    /// How many tunnels it has opened for clients that speak this.
    pub(super) fn opened(&self, protocol: ClientProtocol) -> u64 {
        self.workers.each().map(|cell| load(at(&cell.opened, protocol as usize))).sum()
    }

    /// Its exchanges, by how they ended.
    pub(super) fn exchanges(&self) -> BTreeMap<ExchangeKey, u64> {
        let mut sums = BTreeMap::new();
        for (key, count) in self.workers.each().flat_map(|cell| cell.exchanges.all()) {
            *sums.entry(key).or_default() += load(&count);
        }
        sums
    }

    /// How long its exchanges took.
    pub(super) fn answering(&self) -> Distribution {
        Distribution::of(&WAITS, self.workers.each().map(|cell| &cell.answering))
    }

    /// How long its tunnels were open.
    pub(super) fn lives(&self) -> Distribution {
        Distribution::of(&LIVES, self.workers.each().map(|cell| &cell.lives))
    }

    /// How long they had been quiet when they ended.
    pub(super) fn quiets(&self) -> Distribution {
        Distribution::of(&QUIETS, self.workers.each().map(|cell| &cell.quiets))
    }

    /// How many of its requests were refused for a reason of this kind.
    pub(super) fn refused(&self, kind: RefusalKind) -> u64 {
        load(at(&self.refused, kind as usize))
    }

    fn mine(&self) -> &RouteCell {
        self.workers.mine(|| RouteCell {
            opened: Default::default(),
            exchanges: Table::default(),
            answering: Buckets::new(&WAITS),
            lives: Buckets::new(&LIVES),
            quiets: Buckets::new(&QUIETS),
        })
    }
}
