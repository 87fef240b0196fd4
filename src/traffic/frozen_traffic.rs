//! The counters of a tunnel as plain values: another process counts on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::counts::Counts;
use super::second::Second;
use super::tunnel_traffic::TunnelTraffic;
use crate::moment::Moment;
use crate::websocket::{Direction, PerDirection, PerSide, Side};

/// What went through a tunnel so far. What waits, and for how long it does, is found anew by whoever carries it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenTraffic {
    counts: PerDirection<Counts>,
    /// In microseconds; 0 before the first.
    ping_time: PerSide<u32>,
    /// When something last passed, to the second; `None` where nothing has.
    last_passed: Option<Moment>,
}

impl FrozenTraffic {
    /// `traffic` as it is `now`.
    pub fn of(traffic: &TunnelTraffic, now: Instant) -> Self {
        let last_passed = Second(traffic.last_passed.load(Ordering::Relaxed));
        Self {
            counts: PerDirection {
                from_client: traffic.counts(Direction::FromClient),
                from_upstream: traffic.counts(Direction::FromUpstream),
            },
            ping_time: PerSide {
                client: traffic.ping_time.client.load(Ordering::Relaxed),
                upstream: traffic.ping_time.upstream.load(Ordering::Relaxed),
            },
            last_passed: (last_passed != Second::BEFORE_ALL).then(|| Moment::of(last_passed.begins(), now)),
        }
    }
}

impl TunnelTraffic {
    /// Counts on from what another process had counted at `frozen`. Its route does not: what went through there was counted there.
    pub fn restore(&self, FrozenTraffic { counts, ping_time, last_passed }: FrozenTraffic, frozen: Instant) {
        for direction in [Direction::FromClient, Direction::FromUpstream] {
            self.directions[direction].add(counts[direction]);
        }
        for side in [Side::Client, Side::Upstream] {
            self.ping_time[side].store(ping_time[side], Ordering::Relaxed);
        }
        let last_passed = last_passed.map_or(Second::BEFORE_ALL, |moment| {
            // The seconds of two processes do not begin together: to the nearest one, or each move would make it older.
            let nearest = moment.at(frozen) + Duration::from_millis(500);
            Second::of(nearest.min(frozen))
        });
        self.last_passed.store(last_passed.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Passed, Traffic};
    use super::*;

    fn sent(traffic: &TunnelTraffic, now: Instant) -> FrozenTraffic {
        postcard::from_bytes(&postcard::to_allocvec(&FrozenTraffic::of(traffic, now)).unwrap()).unwrap()
    }

    #[test]
    fn a_tunnel_counts_on_and_its_route_does_not_count_again() {
        let (all, now) = (Traffic::new(1), Instant::now());
        let traffic = TunnelTraffic::default();
        let passed = Passed { messages: 2, bytes: 30, pings: 1 };
        traffic.direction(Direction::FromClient).note_passed(passed, Second::of(now));
        traffic.note_ping_time(Side::Upstream, Duration::from_millis(20));
        traffic.note_waiting(Direction::FromUpstream, 4096, Duration::from_secs(9));
        let moved = all.begin(0, &"chat".into());
        moved.restore(sent(&traffic, now), now);
        let (before, after) = (traffic.vitals(), moved.vitals());
        assert_eq!((after.counts, after.ping_time), (before.counts, before.ping_time));
        assert_eq!((after.waiting, moved.messages()), (PerDirection::default(), 2));
        let of_route = || all.by_route()["chat"].clone();
        assert_eq!((of_route().counts, of_route().pings.from_client), Default::default());
        assert_eq!(of_route().ping_times.upstream.count(), 0);
        moved.direction(Direction::FromClient).note_passed(passed, Second::of(now));
        assert_eq!((moved.vitals().counts.from_client.bytes, of_route().counts.from_client.bytes), (60, 30));
    }

    #[test]
    fn one_through_which_nothing_has_passed_is_as_idle_as_before() {
        let now = Instant::now();
        let moved = TunnelTraffic::default();
        moved.restore(sent(&TunnelTraffic::default(), now), now);
        assert_eq!(moved.vitals(), TunnelTraffic::default().vitals());
    }

    proptest! {
        /// Also one that is older than the process.
        #[test]
        fn however_often_it_moves_it_was_idle_for_as_long(millis in 0..100_000_000_u64, phases in prop::collection::vec(0..2_000_u64, 0..20)) {
            let now = Instant::now();
            let ago = Duration::from_millis(millis);
            let mut traffic = TunnelTraffic::default();
            traffic.direction(Direction::FromClient).note_passed(Passed { messages: 0, bytes: 1, pings: 0 }, Second::of(now - ago));
            // The clocks of others are this one with another beginning.
            for phase in phases.iter().map(|millis| Duration::from_millis(*millis)) {
                let next = TunnelTraffic::default();
                next.restore(sent(&traffic, now), now + phase);
                traffic = TunnelTraffic::default();
                traffic.restore(sent(&next, now + phase), now);
                let idle = now.saturating_duration_since(traffic.vitals().last_passed);
                prop_assert!(idle.abs_diff(ago) <= Duration::from_secs(2), "{idle:?} and {ago:?}");
            }
        }

        #[test]
        fn bytes_that_are_none_are_refused_and_none_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(frozen) = postcard::from_bytes::<FrozenTraffic>(&bytes) {
                let traffic = TunnelTraffic::default();
                traffic.restore(frozen, Instant::now());
                traffic.messages();
                traffic.vitals();
            }
        }
    }
}
