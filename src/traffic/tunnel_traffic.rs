//! What goes through one tunnel, as it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::cell::{DirectionCell, TrafficCell};
use super::counted::Counted;
use super::counts::{Counts, Passed};
use super::second::Second;
use crate::websocket::{Direction, PerDirection, PerSide, Side};

/// The counters of one tunnel, and those of its route that move with them.
#[derive(Debug, Default)]
pub struct TunnelTraffic {
    pub(super) directions: PerDirection<DirectionCounts>,
    /// What waits for a sink that takes nothing, in bytes.
    waiting: PerDirection<AtomicU32>,
    /// Until when that it does was counted, in milliseconds after the tunnel opened, as far as they go; 0 while nothing waits.
    held_back: PerDirection<AtomicU32>,
    /// How long the last of our pings took to be answered, in microseconds; 0 before the first.
    pub(super) ping_time: PerSide<AtomicU32>,
    /// In which [`Second`] something last passed.
    pub(super) last_passed: AtomicU32,
    route: Arc<TrafficCell>,
}

#[derive(Debug, Default)]
pub(super) struct DirectionCounts {
    messages: Counted,
    bytes: Counted,
}

/// The counters that one direction of a tunnel moves, found once for all that one read of it brings.
#[derive(Clone, Copy, Debug)]
pub struct DirectionTraffic<'a> {
    counts: &'a DirectionCounts,
    last_passed: &'a AtomicU32,
    route: &'a DirectionCell,
}

/// How a tunnel is, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// What went through so far.
    pub counts: PerDirection<Counts>,
    /// How long each side took to answer our last ping; `None` where it has answered none.
    pub ping_time: PerSide<Option<Duration>>,
    /// Bytes that were read in each direction, and that the other side does not take.
    pub waiting: PerDirection<u32>,
    /// When something last passed, to the second; before the tunnel opened where nothing has.
    pub last_passed: Instant,
}

impl DirectionCounts {
    /// Counts what went through elsewhere.
    pub(super) fn add(&self, counts: Counts) {
        self.messages.add(counts.messages);
        self.bytes.add(counts.bytes);
    }
}

impl DirectionTraffic<'_> {
    /// Counts what was passed on in that second.
    #[inline]
    pub fn note_passed(&self, passed: Passed, second: Second) {
        self.counts.messages.add(passed.messages);
        self.counts.bytes.add(passed.bytes);
        self.last_passed.store(second.0, Ordering::Relaxed);
        self.route.note_passed(passed);
    }

    /// Counts a message that is whole, of so many bytes of payload as they are on the wire.
    #[inline]
    pub fn note_size(&self, bytes: u64) {
        self.route.note_size(bytes);
    }
}

impl TunnelTraffic {
    pub(super) fn new(route: Arc<TrafficCell>) -> Self {
        Self { route, ..Self::default() }
    }

    /// What one direction counts by.
    #[inline]
    pub fn direction(&self, direction: Direction) -> DirectionTraffic<'_> {
        DirectionTraffic {
            counts: &self.directions[direction],
            last_passed: &self.last_passed,
            route: self.route.direction(direction),
        }
    }

    /// `side` has answered a ping of ours, so long after it left us.
    pub fn note_ping_time(&self, side: Side, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        self.ping_time[side].store(micros, Ordering::Relaxed);
        self.route.note_ping_time(side, took);
    }

    /// So many bytes of a direction wait for a side that takes nothing, `at` so long after the tunnel opened: it is not read meanwhile.
    pub fn note_waiting(&self, direction: Direction, bytes: usize, at: Duration) {
        self.waiting[direction].store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.count_held_back(direction, milliseconds(at).max(1));
    }

    /// Nothing of a direction waits any more.
    pub fn note_taken(&self, direction: Direction, at: Duration) {
        if self.waiting[direction].load(Ordering::Relaxed) == 0 {
            return;
        }
        self.count_held_back(direction, milliseconds(at).max(1));
        self.held_back[direction].store(0, Ordering::Relaxed);
        self.waiting[direction].store(0, Ordering::Relaxed);
    }

    /// The tunnel has ended, so long after it opened.
    pub fn note_ended(&self, at: Duration) {
        self.note_taken(Direction::FromClient, at);
        self.note_taken(Direction::FromUpstream, at);
    }

    /// Counts in pieces: a side that takes nothing for an hour is seen before the hour is over.
    fn count_held_back(&self, direction: Direction, now: u32) {
        let counted = self.held_back[direction].swap(now, Ordering::Relaxed);
        if counted != 0 {
            self.route.note_held_back(direction, Duration::from_millis(now.wrapping_sub(counted).into()));
        }
    }

    /// What went through in one direction so far.
    #[inline]
    pub fn counts(&self, direction: Direction) -> Counts {
        let DirectionCounts { messages, bytes } = &self.directions[direction];
        Counts { messages: messages.get(), bytes: bytes.get() }
    }

    /// Data messages that went through, in both directions.
    pub fn messages(&self) -> u64 {
        let PerDirection { from_client, from_upstream } = &self.directions;
        from_client.messages.get().wrapping_add(from_upstream.messages.get())
    }

    /// How the tunnel is now.
    pub fn vitals(&self) -> Vitals {
        let waiting = |direction| self.waiting[direction].load(Ordering::Relaxed);
        let ping_time = |side| {
            let micros = self.ping_time[side].load(Ordering::Relaxed);
            (micros > 0).then(|| Duration::from_micros(micros.into()))
        };
        Vitals {
            counts: PerDirection {
                from_client: self.counts(Direction::FromClient),
                from_upstream: self.counts(Direction::FromUpstream),
            },
            ping_time: PerSide { client: ping_time(Side::Client), upstream: ping_time(Side::Upstream) },
            waiting: PerDirection {
                from_client: waiting(Direction::FromClient),
                from_upstream: waiting(Direction::FromUpstream),
            },
            last_passed: Second(self.last_passed.load(Ordering::Relaxed)).begins(),
        }
    }
}

/// As far as they go: only differences matter.
#[expect(clippy::cast_possible_truncation, reason = "that they begin anew after 49 days is meant")]
fn milliseconds(at: Duration) -> u32 {
    at.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use super::super::Traffic;
    use super::*;

    #[test]
    fn a_tunnel_is_told_of_as_it_is() {
        let opened = Instant::now();
        let traffic = TunnelTraffic::default();
        let Vitals { counts, ping_time, waiting, last_passed } = traffic.vitals();
        assert_eq!((counts, ping_time, waiting), Default::default());
        assert!(last_passed <= opened, "nothing has passed");
        let passed = Passed { messages: 1, bytes: 30, pings: 2 };
        let at = |millis| opened + Duration::from_millis(millis);
        traffic.direction(Direction::FromClient).note_passed(passed, Second::of(at(7_900)));
        let pingless = Passed { pings: 0, ..passed };
        traffic.direction(Direction::FromUpstream).note_passed(pingless, Second::of(at(8_100)));
        traffic.note_waiting(Direction::FromUpstream, 4096, Duration::from_secs(9));
        traffic.note_ping_time(Side::Client, Duration::from_millis(20));
        let vitals = traffic.vitals();
        let counts = vitals.counts;
        assert_eq!(counts.from_client, Counts { messages: 1, bytes: 30 });
        assert_eq!(counts.from_upstream, Counts { messages: 1, bytes: 30 });
        assert_eq!(vitals.waiting, PerDirection { from_client: 0, from_upstream: 4096 });
        assert_eq!(vitals.ping_time, PerSide { client: Some(Duration::from_millis(20)), upstream: None });
        let since = at(8_100).saturating_duration_since(vitals.last_passed);
        assert!(since < Duration::from_secs(1), "{since:?}");
        traffic.note_taken(Direction::FromUpstream, Duration::from_secs(10));
        assert_eq!(traffic.vitals().waiting, PerDirection::default());
    }

    #[test]
    fn what_waits_is_counted_in_pieces_and_across_the_end_of_the_clock() {
        let all = Traffic::new(1);
        let traffic = all.begin(0, &"chat".into());
        let held_back = || all.by_route()["chat"].held_back.from_client;
        let wrap = Duration::from_millis(1 << 32);
        traffic.note_waiting(Direction::FromClient, 10, wrap - Duration::from_secs(2));
        assert_eq!(held_back(), Duration::ZERO);
        traffic.note_waiting(Direction::FromClient, 10, wrap - Duration::from_secs(1));
        assert_eq!(held_back(), Duration::from_secs(1));
        traffic.note_taken(Direction::FromClient, wrap + Duration::from_secs(1));
        assert_eq!(held_back(), Duration::from_secs(3));
        traffic.note_taken(Direction::FromClient, wrap + Duration::from_secs(9));
        assert_eq!(held_back(), Duration::from_secs(3), "nothing waited");
    }

    /// Each of a hundred thousand tunnels that are idle has one.
    #[test]
    fn an_idle_tunnel_pays_little_for_it() {
        assert!(size_of::<TunnelTraffic>() <= 72, "{}", size_of::<TunnelTraffic>());
    }
}
