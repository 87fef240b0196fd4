//! How busy the tunnels of an endpoint are: a decaying average of the messages that they pass, and of writes that it does not take.
//!
//! Whoever passes messages only counts; the average follows when somebody asks for it, at most so often. Times come from the caller,
//! counted from whenever the endpoint began.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The work of one endpoint.
#[derive(Debug, Default)]
pub struct Busyness {
    /// Messages so far, in both directions.
    messages: AtomicU64,
    /// Its tunnels that it takes nothing from now.
    stalled: AtomicU64,
    /// When the last sample was taken, in milliseconds.
    sampled_at: AtomicU64,
    /// The messages at the last sample.
    sampled: AtomicU64,
    /// Work in a second, in thousandths of a message.
    average: AtomicU64,
}

impl Busyness {
    /// So many messages more.
    pub fn note_messages(&self, messages: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    /// One more tunnel waits for the endpoint to take what is written.
    pub fn note_stalled(&self) {
        self.stalled.fetch_add(1, Ordering::Relaxed);
    }

    /// One tunnel less does.
    pub fn note_flowing(&self) {
        self.stalled.fetch_sub(1, Ordering::Relaxed);
    }

    /// Its work in a second, lately, in thousandths of a message. The figure is at most [`SAMPLE_EVERY`] old.
    pub fn average(&self, now: Duration) -> u64 {
        self.sample(now);
        self.average.load(Ordering::Relaxed)
    }

    /// Takes a sample if it is time to, and nobody else does.
    fn sample(&self, now: Duration) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let last = self.sampled_at.load(Ordering::Relaxed);
        let passed = Duration::from_millis(now.saturating_sub(last));
        if passed < SAMPLE_EVERY {
            return;
        }
        if self.sampled_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let messages = self.messages.load(Ordering::Relaxed);
        let since = messages.wrapping_sub(self.sampled.swap(messages, Ordering::Relaxed));
        let stalled = self.stalled.load(Ordering::Relaxed);
        let rate = since as f64 / passed.as_secs_f64() + stalled as f64 * STALL_COST;
        let kept = (-passed.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2();
        let average = self.average.load(Ordering::Relaxed) as f64 * kept + rate * 1_000.0 * (1.0 - kept);
        self.average.store(average as u64, Ordering::Relaxed);
    }
}

/// An average older than this is brought up to date before it is told.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);

/// After so long without work the average is half of what it was: long enough to see a tunnel's messages beyond its bursts.
const HALF_LIFE: Duration = Duration::from_secs(5);

/// What a tunnel that the endpoint takes nothing from counts for, in messages a second: as much as a busy one.
const STALL_COST: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_average_comes_to_what_there_is_and_decays_by_half_lives() {
        let busyness = Busyness::default();
        for tick in 1..=4 * 60 {
            busyness.note_messages(10);
            busyness.average(tick * SAMPLE_EVERY);
        }
        let steady = busyness.average(60 * SECOND);
        assert!((39_900..=40_000).contains(&steady), "{steady} is not 40 messages a second");
        assert!((19_900..=20_000).contains(&busyness.average(60 * SECOND + HALF_LIFE)));
    }

    #[test]
    fn a_sample_after_a_long_time_is_of_all_of_it() {
        let busyness = Busyness::default();
        busyness.note_messages(600);
        let average = busyness.average(60 * SECOND);
        assert!((9_990..=10_000).contains(&average), "{average} is not 10 messages a second");
    }

    #[test]
    fn nothing_is_sampled_twice_in_a_quarter_of_a_second() {
        let busyness = Busyness::default();
        busyness.note_messages(1_000);
        let first = busyness.average(SECOND);
        busyness.note_messages(1_000_000);
        assert_eq!(busyness.average(SECOND + SAMPLE_EVERY - Duration::from_millis(1)), first);
        assert!(busyness.average(SECOND + SAMPLE_EVERY) > first);
    }

    #[test]
    fn a_stalled_tunnel_is_charged_for_as_long_as_it_is() {
        let busyness = Busyness::default();
        busyness.note_stalled();
        let stalled = busyness.average(60 * SECOND);
        assert!((99_900..=100_000).contains(&stalled), "{stalled}");
        busyness.note_flowing();
        assert!(busyness.average(120 * SECOND) < 100);
    }
}
