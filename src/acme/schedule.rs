//! When a certificate is renewed, and when it is tried again: times in, times out.

use std::time::Duration;

use rustls::pki_types::UnixTime;

use crate::tls::Life;

/// When the directory wants a certificate to be renewed (RFC 9773 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: UnixTime,
    pub(super) end: UnixTime,
}

/// When a certificate with this life is to be renewed: at a moment of the directory's window, if it names one, else after two
/// thirds of the life. `chance`, from 0 to 1, is which moment of those that there are: so not every machine comes at once.
pub(super) fn renewal_at(life: Life, window: Option<Window>, chance: f64) -> UnixTime {
    let whole = between(life.begins, life.ends);
    let planned = match window {
        Some(Window { start, end }) => after(start, between(start, end).mul_f64(chance)),
        None => after(life.begins, whole * 2 / 3 + (whole / 50).mul_f64(chance)),
    };
    // Whatever the window says: nobody is to be shown one that has ended.
    planned.min(after(life.begins, whole - whole / 20))
}

/// For how long nothing is tried after so many failures in a row, the last one included; no shorter than the directory has
/// `told`, as far as that makes sense. `chance` is from 0 to 1.
pub(super) fn back_off(failures: u32, told: Option<Duration>, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    let jittered = doubled.mul_f64(0.75 + chance / 2.0);
    told.map_or(jittered, |told| jittered.max(told.min(LONGEST_TOLD)))
}

pub(super) fn after(time: UnixTime, by: Duration) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.as_secs()).saturating_add(by))
}

/// What lies between them; nothing where the second is the earlier one.
pub(super) fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

/// After the first failure. Let's Encrypt takes five failures an hour for a name: with the doubling there are four at the most.
const FIRST_PAUSE: Duration = Duration::from_secs(8 * 60);

/// A certificate of ninety days is tried for a hundred times before it ends.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// Who is told to wait for longer has come to the wrong place, or was told so by mistake.
const LONGEST_TOLD: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn day(number: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(number * DAY))
    }

    fn life(begins: u64, ends: u64) -> Life {
        Life { begins: day(begins), ends: day(ends) }
    }

    #[test]
    fn without_a_window_it_is_after_two_thirds_of_the_life() {
        assert_eq!(renewal_at(life(1000, 1090), None, 0.0), day(1060));
        let latest = renewal_at(life(1000, 1090), None, 1.0);
        assert!(latest > day(1061) && latest < day(1062), "{latest:?}");
        assert_eq!(renewal_at(life(1000, 1006), None, 0.0), day(1004));
    }

    #[test]
    fn a_window_is_kept_to_wherever_it_lies() {
        let window = |start, end| Some(Window { start: day(start), end: day(end) });
        assert_eq!(renewal_at(life(1000, 1090), window(1070, 1072), 0.5), day(1071));
        assert_eq!(renewal_at(life(1000, 1090), window(1001, 1002), 0.0), day(1001));
        assert_eq!(renewal_at(life(1000, 1090), window(900, 800), 1.0), day(900), "at once");
    }

    #[test]
    fn none_is_shown_after_its_end_whatever_the_window_says() {
        let beyond = Some(Window { start: day(1200), end: day(1201) });
        assert!(renewal_at(life(1000, 1100), beyond, 0.5) == day(1095));
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_jittered() {
        let minutes = |failures, chance| back_off(failures, None, chance).as_secs() / 60;
        assert_eq!([1, 2, 3, 4].map(|failures| minutes(failures, 0.5)), [8, 16, 32, 64]);
        assert_eq!([7, 100, u32::MAX].map(|failures| minutes(failures, 0.5)), [360; 3]);
        assert_eq!([0.0, 1.0].map(|chance| minutes(1, chance)), [6, 10]);
    }

    #[test]
    fn within_an_hour_there_are_fewer_failures_than_a_directory_takes() {
        let mut at = Duration::ZERO;
        let within = (1..).map(|failures| {
            at += back_off(failures, None, 0.0);
            at
        });
        let later = within.take_while(|at| *at < Duration::from_secs(3600)).count();
        assert!(later + 1 < 5, "{later}");
    }

    #[test]
    fn what_the_directory_says_is_the_least() {
        let told = |seconds| back_off(1, Some(Duration::from_secs(seconds)), 0.5).as_secs();
        assert_eq!([told(1), told(3600), told(u64::MAX)], [480, 3600, DAY]);
    }
}
