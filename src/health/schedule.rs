//! When an endpoint is probed.
//!
//! Invariant: between the starts of two probes lies at most `every`. So an endpoint that answers nothing has been probed `fall`
//! times within `every` × `fall`, whatever the jitter.

use std::num::NonZeroU32;
use std::time::Duration;

use super::verdict::Availability;

/// A request that could not connect may wake the next probe, but not sooner than so long after the start of the last one.
pub const WOKEN_APART: Duration = Duration::from_millis(200);

/// How an endpoint is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The longest from the start of one probe to that of the next.
    pub every: Duration,
    /// How many failures in a row make an endpoint be down.
    pub fall: NonZeroU32,
}

/// What is known after a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastProbe {
    /// Whether the endpoint is well.
    pub availability: Availability,
    /// Whether the connection was refused at once: nobody is there, and that is soon told.
    pub is_refused: bool,
}

impl Schedule {
    /// From the beginning to the start of the first probe: anywhere within an interval, as if it had been probed for long. So
    /// those who begin together are apart, and stay so.
    pub fn first(&self, within: f64, fraction: f64) -> Duration {
        self.usual(fraction).mul_f64(within)
    }

    /// From the start of a probe to that of the next.
    pub fn next(&self, last: LastProbe, fraction: f64) -> Duration {
        let usual = self.usual(fraction);
        if last.is_refused && last.availability == Availability::Up { usual.min(self.after_refusal()) } else { usual }
    }

    fn usual(&self, fraction: f64) -> Duration {
        self.every.mul_f64(LONGEST - (LONGEST - SHORTEST) * fraction)
    }

    /// So short that `fall` refusals come within [`ALL_REFUSED`].
    fn after_refusal(&self) -> Duration {
        AFTER_REFUSAL.min(ALL_REFUSED / self.fall.get())
    }
}

/// The share of `every` that lies between two probes, at the least and at the most: who began together drifts apart.
const SHORTEST: f64 = 0.90;
const LONGEST: f64 = 0.98;
/// How soon an endpoint is probed again that refuses, until it is down.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);
/// Within what an endpoint that refuses is down after the first refusal.
const ALL_REFUSED: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::*;

    use super::*;

    const ANSWERS: LastProbe = LastProbe { availability: Availability::Up, is_refused: false };

    fn schedule(every: Duration, fall: u32) -> Schedule {
        Schedule { every, fall: NonZeroU32::new(fall).unwrap() }
    }

    #[test]
    fn ten_thousand_endpoints_that_begin_together_are_probed_without_a_burst() {
        const SLICE: Duration = Duration::from_millis(100);
        let schedule = schedule(Duration::from_secs(5), 3);
        let mut rng = Rng::with_seed(7);
        let mut started = vec![0_u32; 600];
        for _ in 0..10_000 {
            let mut at = schedule.first(rng.f64(), rng.f64());
            while let Some(slice) = started.get_mut((at.as_nanos() / SLICE.as_nanos()) as usize) {
                *slice += 1;
                at += schedule.next(ANSWERS, rng.f64());
            }
        }
        let (all, most) = (started.iter().sum::<u32>(), *started.iter().max().unwrap());
        assert!(all >= 120_000, "{all} in a minute");
        assert!(most <= 290, "{most} within 100 ms, and 200 would be even");
    }

    #[test]
    fn what_refuses_is_looked_at_again_at_once_until_it_is_down() {
        let five_seconds = |fall| schedule(Duration::from_secs(5), fall);
        for fall in [1, 2, 3, 4, 10] {
            let refused = LastProbe { availability: Availability::Up, is_refused: true };
            let whole = five_seconds(fall).next(refused, 0.5) * (fall - 1) + WOKEN_APART;
            assert!(whole <= Duration::from_millis(500), "{fall} refusals take {whole:?}");
        }
        let down = LastProbe { availability: Availability::Down, is_refused: true };
        assert!(five_seconds(3).next(down, 0.5) > Duration::from_secs(4));
        let soon = schedule(Duration::from_millis(10), 3);
        let refused = LastProbe { availability: Availability::Up, is_refused: true };
        assert!(soon.next(refused, 0.0) <= Duration::from_millis(10), "it is never later for it");
    }

    proptest! {
        #[test]
        fn no_probe_is_later_than_its_interval(
            every in 1_u64..100_000, fraction in 0.0_f64..1.0, fall in 1_u32..20, is_refused: bool, is_up: bool,
        ) {
            let schedule = schedule(Duration::from_millis(every), fall);
            let availability = if is_up { Availability::Up } else { Availability::Down };
            let next = schedule.next(LastProbe { availability, is_refused }, fraction);
            prop_assert!(next <= schedule.every && schedule.first(fraction, fraction) <= schedule.every);
            prop_assert!((is_refused && is_up) || next >= schedule.every.mul_f64(SHORTEST));
        }
    }
}
