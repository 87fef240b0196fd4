//! Ejections by example, and any course of them against what is promised.

use proptest::prelude::*;

use super::Asked::{Exchange, Upgrade};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const RULE: EjectionRule =
    EjectionRule { after: NonZeroU32::new(3).unwrap(), first: Duration::from_secs(5), most: Duration::from_secs(60) };

/// An endpoint with others beside it, and its clock.
struct Scene {
    ejection: Ejection,
    now: Instant,
    others: usize,
}

impl Scene {
    fn new() -> Self {
        Self { ejection: Ejection::default(), now: Instant::now(), others: 1 }
    }

    fn fails(&mut self, asked: Asked) -> Option<Duration> {
        let others = self.others;
        self.ejection.note_failure(asked, RULE, 1, || others, (0.5, self.now))
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
    }

    fn trial(&mut self, asked: Asked) -> Option<TrialNumber> {
        self.ejection.begin_trial(asked, WhenDue::BackOffIsOver, self.now)
    }

    fn is_ejected_by_upgrades(&mut self) -> Duration {
        let mut last = None;
        for _ in 0..3 {
            last = self.fails(Upgrade);
        }
        last.expect("three in a row eject")
    }

    /// Waits until a trial is due, and fails it.
    fn fails_its_trial(&mut self) -> Duration {
        self.passes(RULE.most);
        let trial = self.trial(Upgrade).expect("a trial is due");
        self.ejection.fail(trial, RULE, 0.5, self.now).expect("it stays ejected")
    }

    fn passes_its_trial(&mut self) {
        self.passes(RULE.most);
        let trial = self.trial(Upgrade).expect("a trial is due");
        assert!(self.ejection.pass(trial, self.now));
    }
}

#[test]
fn failures_of_each_kind_are_counted_apart_and_a_success_resets_its_own() {
    let mut endpoint = Scene::new();
    for asked in [Upgrade, Upgrade, Exchange, Exchange] {
        assert_eq!(endpoint.fails(asked), None);
    }
    endpoint.ejection.note_success(Exchange);
    assert_eq!(endpoint.fails(Exchange), None);
    assert_eq!(endpoint.fails(Upgrade), Some(5 * SECOND), "the third upgrade in a row");
    assert!(endpoint.ejection.is_ejected());
    assert_eq!(endpoint.fails(Upgrade), None, "what was placed before is no second ejection");
    endpoint.ejection.note_success(Upgrade);
    assert!(endpoint.ejection.is_ejected(), "nor a readmission");
}

#[test]
fn one_request_of_the_kind_that_failed_may_try_when_the_back_off_is_over() {
    let mut endpoint = Scene::new();
    endpoint.is_ejected_by_upgrades();
    endpoint.passes(5 * SECOND - Duration::from_nanos(1));
    assert_eq!(endpoint.trial(Upgrade), None);
    endpoint.passes(Duration::from_nanos(1));
    assert_eq!(endpoint.trial(Exchange), None);
    let trial = endpoint.trial(Upgrade).unwrap();
    assert_eq!(endpoint.trial(Upgrade), None, "one at a time");
    endpoint.ejection.give_back(trial);
    let trial = endpoint.trial(Upgrade).unwrap();
    assert!(endpoint.ejection.pass(trial, endpoint.now));
    assert!(!endpoint.ejection.is_in_trouble());
    assert!(!endpoint.ejection.pass(trial, endpoint.now), "once");
}

#[test]
fn where_nobody_else_is_left_a_trial_is_due_at_once() {
    let mut endpoint = Scene::new();
    endpoint.is_ejected_by_upgrades();
    assert!(!endpoint.ejection.is_trial_due(Exchange, WhenDue::Now, endpoint.now));
    assert!(endpoint.ejection.begin_trial(Upgrade, WhenDue::Now, endpoint.now).is_some());
    assert!(endpoint.ejection.begin_trial(Upgrade, WhenDue::Now, endpoint.now).is_none());
}

#[test]
fn each_failed_trial_doubles_the_back_off_up_to_the_most() {
    let mut endpoint = Scene::new();
    assert_eq!(endpoint.is_ejected_by_upgrades(), 5 * SECOND);
    let back_offs: Vec<_> = (0..6).map(|_| endpoint.fails_its_trial().as_secs()).collect();
    assert_eq!(back_offs, [10, 20, 40, 60, 60, 60]);
}

#[test]
fn the_back_off_decays_while_the_endpoint_is_well_and_is_forgotten_after_the_most() {
    for (well_for, back_off) in [(0, 40), (10, 40), (21, 20), (41, 10), (60, 5), (600, 5)] {
        let mut endpoint = Scene::new();
        endpoint.is_ejected_by_upgrades();
        for _ in 0..3 {
            endpoint.fails_its_trial();
        }
        endpoint.passes_its_trial();
        endpoint.passes(well_for * SECOND);
        assert_eq!(endpoint.is_ejected_by_upgrades().as_secs(), back_off, "after {well_for} s");
    }
}

#[test]
fn an_ejection_that_would_leave_too_few_waits_for_the_next_failure() {
    let mut endpoint = Scene::new();
    endpoint.others = 0;
    for _ in 0..10 {
        assert_eq!(endpoint.fails(Upgrade), None);
    }
    assert_eq!(endpoint.ejection.in_a_row, [3, 0], "the count stays at the threshold");
    endpoint.others = 1;
    assert!(endpoint.fails(Upgrade).is_some());
}

#[test]
fn a_trial_of_an_ejection_before_says_nothing_of_this_one() {
    let mut endpoint = Scene::new();
    endpoint.is_ejected_by_upgrades();
    endpoint.passes(RULE.most);
    let first = endpoint.trial(Upgrade).unwrap();
    endpoint.ejection.fail(first, RULE, 0.5, endpoint.now).unwrap();
    assert!(!endpoint.ejection.pass(first, endpoint.now));
    assert_eq!(endpoint.ejection.fail(first, RULE, 0.5, endpoint.now), None);
    endpoint.passes(RULE.most);
    let second = endpoint.trial(Upgrade).unwrap();
    endpoint.ejection.give_back(first);
    assert_eq!(endpoint.trial(Upgrade), None, "the second is under way");
    assert!(endpoint.ejection.pass(second, endpoint.now));
}

#[test]
fn who_was_ejected_in_another_process_comes_back_by_a_request_of_any_kind() {
    for asked in [Upgrade, Exchange] {
        let mut endpoint = Scene::new();
        endpoint.ejection = Ejection::inherited(RULE, 0.5, endpoint.now);
        assert_eq!(endpoint.trial(asked), None);
        endpoint.passes(RULE.first);
        let trial = endpoint.trial(asked).unwrap();
        assert!(endpoint.ejection.pass(trial, endpoint.now));
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Failure(bool),
    Success(bool),
    Trial(bool),
    Pass,
    Fail,
    GiveBack,
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<(Event, f64, usize)>> {
    let event = prop_oneof![
        4 => any::<bool>().prop_map(Event::Failure),
        1 => any::<bool>().prop_map(Event::Success),
        3 => any::<bool>().prop_map(Event::Trial),
        1 => Just(Event::Pass),
        2 => Just(Event::Fail),
        1 => Just(Event::GiveBack),
        3 => (0_u64..30_000).prop_map(Event::Wait),
    ];
    proptest::collection::vec((event, 0.0_f64..1.0, 0_usize..3), 0..200)
}

fn kind(is_upgrade: bool) -> Asked {
    if is_upgrade { Upgrade } else { Exchange }
}

#[test]
fn a_trial_of_what_was_forgiven_says_nothing_of_the_next_ejection() {
    let mut scene = Scene::new();
    scene.is_ejected_by_upgrades();
    scene.passes(6 * SECOND);
    let old = scene.trial(Upgrade).unwrap();
    scene.ejection.forgive();
    assert!(!scene.ejection.is_in_trouble());
    scene.is_ejected_by_upgrades();
    assert!(!scene.ejection.pass(old, scene.now) && scene.ejection.is_ejected());
    assert_eq!(scene.ejection.fail(old, RULE, 0.5, scene.now), None);
    scene.passes(6 * SECOND);
    assert!(scene.trial(Upgrade).is_some());
}

proptest! {
    /// Whatever happens: only enough failures of one kind in a row eject, and only where others are left; a back-off is within
    /// its bounds; no trial begins before it is over, or beside another; and only a trial readmits.
    #[test]
    fn any_course_keeps_its_promises(events in events(), min_eligible in 0_usize..3) {
        let (mut ejection, mut now) = (Ejection::default(), Instant::now());
        let (mut upgrades, mut exchanges) = (0_u32, 0_u32);
        let mut under_way: Option<TrialNumber> = None;
        let mut out: Option<(Asked, Instant)> = None;
        for (event, fraction, others) in events {
            match event {
                Event::Failure(is_upgrade) => {
                    let asked = kind(is_upgrade);
                    let ejected = ejection.note_failure(asked, RULE, min_eligible, || others, (fraction, now));
                    if out.is_none() {
                        let count = if is_upgrade { &mut upgrades } else { &mut exchanges };
                        *count += 1;
                        prop_assert_eq!(ejected.is_some(), *count >= RULE.after.get() && others >= min_eligible);
                    } else {
                        prop_assert_eq!(ejected, None);
                    }
                    if let Some(back_off) = ejected {
                        prop_assert!(back_off >= RULE.first.mul_f64(0.9) && back_off <= RULE.most.mul_f64(1.1));
                        out = Some((asked, now + back_off));
                    }
                }
                Event::Success(is_upgrade) => {
                    ejection.note_success(kind(is_upgrade));
                    if out.is_none() {
                        *(if is_upgrade { &mut upgrades } else { &mut exchanges }) = 0;
                    }
                }
                Event::Trial(is_upgrade) => {
                    let asked = kind(is_upgrade);
                    let is_due = out.is_some_and(|(failed, until)| failed == asked && now >= until);
                    let begun = ejection.begin_trial(asked, WhenDue::BackOffIsOver, now);
                    prop_assert_eq!(begun.is_some(), is_due && under_way.is_none());
                    under_way = under_way.or(begun);
                }
                Event::Pass => if let Some(trial) = under_way.take() {
                    prop_assert!(ejection.pass(trial, now));
                    (out, upgrades, exchanges) = (None, 0, 0);
                },
                Event::Fail => if let Some(trial) = under_way.take() {
                    let back_off = ejection.fail(trial, RULE, fraction, now).unwrap();
                    prop_assert!(back_off <= RULE.most.mul_f64(1.1));
                    out = out.map(|(asked, _)| (asked, now + back_off));
                },
                Event::GiveBack => if let Some(trial) = under_way.take() {
                    ejection.give_back(trial);
                },
                Event::Wait(millis) => now += Duration::from_millis(millis),
            }
            prop_assert_eq!(ejection.is_ejected(), out.is_some());
            if out.is_some() {
                (upgrades, exchanges) = (0, 0);
            }
        }
    }
}
