//! What goes through the tunnels of one route on one worker.

use std::time::Duration;

use super::buckets::{Spread, SpreadCell};
use super::counted::Counted;
use super::counts::{Counts, Passed};
use crate::websocket::{Direction, PerDirection, PerSide, Side};

/// The counters of one worker, alone in their cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct TrafficCell {
    directions: PerDirection<DirectionCell>,
    ping_times: PerSide<SpreadCell>,
}

#[derive(Debug, Default)]
pub(super) struct DirectionCell {
    messages: Counted,
    bytes: Counted,
    pings: Counted,
    sizes: SpreadCell,
    /// For how long it was not read because its sink took nothing, in microseconds.
    held_back: Counted,
}

/// What went through the tunnels of a route so far, those that are open among them.
#[derive(Clone, Debug, Default)]
pub struct RouteTraffic {
    /// Messages and bytes.
    pub counts: PerDirection<Counts>,
    /// Pings that were passed on, ours not.
    pub pings: PerDirection<u64>,
    /// The sizes of its messages, by [`SIZES`](super::SIZES).
    pub sizes: PerDirection<Spread>,
    /// How long each side took to answer our pings, by [`PING_SECONDS`](super::PING_SECONDS).
    pub ping_times: PerSide<Spread>,
    /// For how long tunnels were not read because the other side took nothing.
    pub held_back: PerDirection<Duration>,
}

impl DirectionCell {
    #[inline]
    pub(super) fn note_passed(&self, passed: Passed) {
        self.messages.add(passed.messages);
        self.bytes.add(passed.bytes);
        if passed.pings > 0 {
            self.pings.add(passed.pings.into());
        }
    }

    #[inline]
    pub(super) fn note_size(&self, bytes: u64) {
        self.sizes.note_size(bytes);
    }
}

impl TrafficCell {
    /// The counters of one direction.
    #[inline]
    pub(super) fn direction(&self, direction: Direction) -> &DirectionCell {
        &self.directions[direction]
    }

    pub(super) fn note_ping_time(&self, side: Side, took: Duration) {
        self.ping_times[side].note_ping_time(took);
    }

    pub(super) fn note_held_back(&self, direction: Direction, took: Duration) {
        self.directions[direction].held_back.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds what it counted so far to `all`.
    pub(super) fn add_to(&self, all: &mut RouteTraffic) {
        for direction in [Direction::FromClient, Direction::FromUpstream] {
            let DirectionCell { messages, bytes, pings, sizes, held_back } = &self.directions[direction];
            all.counts[direction].add(Counts { messages: messages.get(), bytes: bytes.get() });
            all.pings[direction] += pings.get();
            all.sizes[direction].add(&sizes.read(1.0));
            all.held_back[direction] += Duration::from_micros(held_back.get());
        }
        for side in [Side::Client, Side::Upstream] {
            all.ping_times[side].add(&self.ping_times[side].read(1e6));
        }
    }
}
