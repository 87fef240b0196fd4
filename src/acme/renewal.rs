//! How it stands with the certificate of one name, and what is to be done next; the time is an argument.

use std::time::Duration;

use rustls::pki_types::UnixTime;

use super::paused::Paused;
use super::schedule::{Window, after, back_off, between, renewal_at};
use crate::tls::Life;

/// How it stands with the certificate of one name.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    held: Option<Held>,
    /// How often in a row it has failed.
    failures: u32,
    pause: Option<Pause>,
    /// How many came in a row that were due soon after the one before.
    hurried: u32,
}

/// A certificate that there is.
#[derive(Debug)]
struct Held {
    life: Life,
    window: Option<Window>,
    /// When it came.
    taken_at: UnixTime,
    renew_at: UnixTime,
    /// When the directory is asked for its window, again if it was.
    ask_at: UnixTime,
}

impl Held {
    /// For how long one is in use at the least, unless something is wrong: none is renewed before two thirds of its life.
    fn least_use(&self) -> Duration {
        (between(self.life.begins, self.life.ends) / 3).clamp(LEAST_USE.0, LEAST_USE.1)
    }
}

/// For how long nothing is tried after a failure.
#[derive(Clone, Copy, Debug)]
struct Pause {
    /// When it began.
    since: UnixTime,
    until: UnixTime,
    /// The directory has said so.
    is_told: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A certificate is to be ordered.
    Order,
    /// The directory is to be asked when it wants the certificate to be renewed.
    Window,
    /// Nothing, until then.
    Nothing(UnixTime),
}

impl Renewal {
    /// What is to be done at `now`.
    pub(super) fn due(&self, now: UnixTime) -> Due {
        let pause = self.pause.map_or(now, |pause| pause.until);
        // One that is further away than any was made is of a clock that was wrong, and has been set back.
        let pause = if between(now, pause) > LONGEST_PAUSE { now } else { pause };
        let order_at = self.held.as_ref().map_or(pause, |held| held.renew_at.max(pause));
        if order_at <= now {
            return Due::Order;
        }
        match &self.held {
            Some(held) if held.ask_at <= now => Due::Window,
            Some(held) => Due::Nothing(order_at.min(held.ask_at)),
            None => Due::Nothing(order_at),
        }
    }

    /// There is a certificate, with this life. Its window is asked for at once.
    pub(super) fn note_certificate(&mut self, life: Life, now: UnixTime, chance: f64) {
        // One that is due as it comes (a clock that is ahead, a window that is always over) is not ordered again without end.
        let is_hurried = self.held.as_ref().is_some_and(|before| between(before.taken_at, now) < before.least_use());
        self.hurried = if is_hurried { self.hurried.saturating_add(1) } else { 0 };
        let until = after(now, back_off(self.hurried, None, chance));
        (self.failures, self.pause) = (0, is_hurried.then_some(Pause { since: now, until, is_told: true }));
        let renew_at = renewal_at(life, None, chance);
        self.held = Some(Held { life, window: None, taken_at: now, renew_at, ask_at: now });
    }

    /// The directory names its window, or none, and is to be asked again after a while.
    pub(super) fn note_window(&mut self, window: Option<Window>, again: Duration, now: UnixTime, chance: f64) {
        let Some(held) = &mut self.held else { return };
        held.ask_at = ask_at(again, now, chance);
        // The same window is the same plan.
        if held.window != window {
            held.window = window;
            held.renew_at = renewal_at(held.life, window, chance);
        }
    }

    /// The directory has not answered when the certificate is to be renewed, and is to be asked again after a while.
    pub(super) fn note_no_window(&mut self, again: Duration, now: UnixTime, chance: f64) {
        if let Some(held) = &mut self.held {
            held.ask_at = ask_at(again, now, chance);
        }
    }

    /// An order came to nothing, and where the directory has `told` for how long there is to be none, that is kept to. Returns when
    /// the next one is.
    pub(super) fn note_failure(&mut self, told: Option<Duration>, now: UnixTime, chance: f64) -> UnixTime {
        self.failures = self.failures.saturating_add(1);
        let until = after(now, back_off(self.failures, told, chance));
        self.pause = Some(Pause { since: now, until, is_told: told.is_some() });
        until
    }

    /// Somebody has perhaps mended what was wrong: the pause is as after one failure fewer, unless it is the directory's. So the
    /// first is over, and whoever asks without end does not have a directory look more often than it takes.
    pub(super) fn note_asked(&mut self) {
        if let Some(pause) = self.pause.as_mut().filter(|pause| !pause.is_told) {
            let shorter = match self.failures {
                0 | 1 => Duration::ZERO,
                failures => back_off(failures - 1, None, 0.5),
            };
            pause.until = after(pause.since, shorter).min(pause.until);
        }
    }

    /// How it is ordered has changed: there is no pause any more, unless it is the directory's.
    pub(super) fn note_changed(&mut self) {
        self.pause = self.pause.filter(|pause| pause.is_told);
    }

    /// Until when nothing is ordered, where that is after `now`.
    pub(super) fn paused_until(&self, now: UnixTime) -> Option<UnixTime> {
        let until = self.pause?.until;
        (now < until && between(now, until) <= LONGEST_PAUSE).then_some(until)
    }

    /// The pause that there is, to be kept, and `why`.
    pub(super) fn paused(&self, why: String) -> Option<Paused> {
        let Pause { since, until, is_told } = self.pause?;
        Some(Paused { failures: self.failures, since: since.as_secs(), until: until.as_secs(), is_told, why })
    }

    /// There was a pause when the process before ended, which goes on.
    pub(super) fn note_paused(&mut self, &Paused { failures, since, until, is_told, .. }: &Paused) {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.failures = failures;
        self.pause = Some(Pause { since: time(since), until: time(until), is_told });
    }

    /// When the certificate is to be renewed, if there is one.
    pub(super) fn renew_at(&self) -> Option<UnixTime> {
        self.held.as_ref().map(|held| held.renew_at)
    }
}

/// When a window is asked for again: not every name at once.
fn ask_at(again: Duration, now: UnixTime, chance: f64) -> UnixTime {
    after(now, again.clamp(ASK_AFTER.0, ASK_AFTER.1).mul_f64(1.0 + chance / 10.0))
}

/// How long somebody may wait in one go: the time of day may be set meanwhile.
pub(super) fn wait(until: UnixTime, now: UnixTime) -> Duration {
    between(now, until).clamp(Duration::from_secs(1), LONGEST_WAIT)
}

/// For how long a certificate is in use before it is replaced, in any case, and where it has a long life.
const LEAST_USE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

/// No pause is longer: a directory is believed for up to a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(2 * 86_400);

const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// After how long the window is asked for again, at the least and at the most (RFC 9773 §4.3.2).
const ASK_AFTER: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3600);

    fn start() -> UnixTime {
        UnixTime::since_unix_epoch(DAY * 20_000)
    }

    fn days(number: u32) -> UnixTime {
        after(start(), DAY * number)
    }

    fn held() -> Renewal {
        let mut renewal = Renewal::default();
        renewal.note_certificate(Life { begins: start(), ends: days(90) }, start(), 0.0);
        renewal
    }

    #[test]
    fn one_that_is_due_as_it_comes_is_not_ordered_without_end() {
        let mut renewal = Renewal::default();
        let (mut now, mut orders) = (days(100), 0);
        let over = Life { begins: start(), ends: days(90) };
        while now < days(101) {
            match renewal.due(now) {
                Due::Order => {
                    orders += 1;
                    renewal.note_certificate(over, now, 0.5);
                }
                Due::Window => renewal.note_no_window(DAY, now, 0.5),
                Due::Nothing(until) => now = until,
            }
        }
        assert!((5..=12).contains(&orders), "{orders} orders in a day");
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_no_pause_that_nobody_made() {
        let mut renewal = Renewal::default();
        renewal.note_failure(None, days(365), 0.5);
        assert_eq!(renewal.due(start()), Due::Order);
    }

    #[test]
    fn what_is_not_there_is_ordered_at_once() {
        assert_eq!(Renewal::default().due(start()), Due::Order);
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
        let mut renewal = held();
        assert_eq!(renewal.due(start()), Due::Window);
        renewal.note_window(None, DAY * 1000, start(), 0.0);
        assert_eq!(renewal.due(start()), Due::Nothing(days(1)), "asked again at the least once a day");
        assert_eq!(renewal.renew_at(), Some(days(60)));
        assert_eq!(renewal.due(days(60)), Due::Order);
    }

    #[test]
    fn a_window_that_moves_moves_the_renewal() {
        let mut renewal = held();
        let window = |from, to| Some(Window { start: days(from), end: days(to) });
        renewal.note_window(window(70, 72), HOUR, start(), 0.5);
        assert_eq!(renewal.renew_at(), Some(days(71)));
        renewal.note_window(window(70, 72), HOUR, days(1), 0.0);
        assert_eq!(renewal.renew_at(), Some(days(71)), "the same window is the same plan");
        // The directory will revoke it.
        renewal.note_window(window(0, 1), HOUR, days(2), 1.0);
        assert_eq!(renewal.due(days(2)), Due::Order);
    }

    #[test]
    fn failures_are_paused_after_and_the_certificate_is_kept() {
        let mut renewal = held();
        let mut now = days(60);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            renewal.note_window(None, DAY, now, 0.0);
            assert_eq!(renewal.due(now), Due::Order);
            let next = renewal.note_failure(None, now, 0.5);
            assert_eq!(renewal.due(now), Due::Nothing(next));
            pauses.push(between(now, next).as_secs() / 60);
            now = next;
        }
        assert_eq!(pauses, [8, 16, 32, 64, 128, 256, 360, 360, 360, 360]);
        renewal.note_certificate(Life { begins: now, ends: after(now, DAY * 90) }, now, 0.0);
        renewal.note_window(None, DAY, now, 0.0);
        renewal.note_failure(None, now, 0.5);
        assert_eq!(renewal.due(after(now, HOUR)), Due::Nothing(after(now, DAY)), "it begins anew");
    }

    #[test]
    fn who_asks_ends_a_pause_but_not_the_directorys() {
        let mut renewal = Renewal::default();
        renewal.note_failure(None, start(), 0.5);
        renewal.note_asked();
        assert_eq!(renewal.due(start()), Due::Order);
        let until = renewal.note_failure(Some(HOUR * 3), start(), 0.5);
        assert_eq!(until, after(start(), HOUR * 3));
        renewal.note_asked();
        assert_eq!(renewal.due(start()), Due::Nothing(until));
    }

    #[test]
    fn who_asks_without_end_has_a_directory_look_no_more_often_than_it_takes() {
        let mut renewal = Renewal::default();
        let (mut now, mut orders) = (start(), 0);
        while now < after(start(), HOUR) {
            renewal.note_asked();
            if renewal.due(now) == Due::Order {
                orders += 1;
                renewal.note_failure(None, now, 0.0);
            }
            now = after(now, Duration::from_secs(5));
        }
        assert!((3..=5).contains(&orders), "{orders} orders in an hour");
    }

    #[test]
    fn a_pause_goes_on_after_a_restart_and_ends_where_the_settings_change() {
        let mut before = Renewal::default();
        before.note_failure(None, start(), 0.5);
        let until = before.note_failure(None, start(), 0.5);
        let kept = before.paused("no".to_owned()).unwrap();
        let mut renewal = Renewal::default();
        renewal.note_paused(&kept);
        assert_eq!(renewal.due(start()), Due::Nothing(until));
        assert_eq!(renewal.paused("no".to_owned()), Some(kept), "with the failures that there were");
        renewal.note_changed();
        assert_eq!(renewal.due(start()), Due::Order);
        let until = renewal.note_failure(Some(DAY), start(), 0.5);
        renewal.note_changed();
        assert_eq!(renewal.due(start()), Due::Nothing(until), "the directory's own");
    }

    #[test]
    fn names_that_were_asked_about_together_are_not_again() {
        let again = [0.0, 0.5, 1.0].map(|chance| {
            let mut renewal = held();
            renewal.note_window(None, HOUR, start(), 0.0);
            renewal.note_no_window(HOUR, start(), chance);
            renewal.due(start())
        });
        assert_eq!(again, [60, 63, 66].map(|minutes| Due::Nothing(after(start(), HOUR / 60 * minutes))));
    }

    #[test]
    fn nobody_waits_for_long_without_a_look_at_the_time() {
        assert_eq!(wait(days(60), start()), LONGEST_WAIT);
        assert_eq!(wait(after(start(), HOUR / 60), start()), HOUR / 60);
        assert_eq!(wait(start(), days(1)), Duration::from_secs(1));
    }
}
