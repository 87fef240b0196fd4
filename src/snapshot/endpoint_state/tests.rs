//! The states of an endpoint, what is known of them, and how they go to another process.

use proptest::prelude::*;

use super::EndpointEvent::{
    Drained, Ejected, Inherited, Left, ProbesFailed, ProbesPassed, Readmitted, Returned, TakenBack,
};
use super::*;

fn after(state: &StateCell, event: EndpointEvent<'_>) -> Option<EndpointState> {
    state.transition(event).map(|change| change.state)
}

#[test]
fn a_change_is_told_once() {
    let state = StateCell::default();
    assert!(state.get().is_eligible());
    assert_eq!(after(&state, TakenBack), None);
    assert_eq!(after(&state, Drained), Some(EndpointState::DRAINED));
    assert_eq!(after(&state, Drained), None);
    assert!(!state.get().is_eligible() && state.get().is_drained());
    assert_eq!(after(&state, TakenBack), Some(EndpointState::ELIGIBLE));
    assert_eq!(after(&state, Inherited(EndpointState::DRAINED, &[])), Some(EndpointState::DRAINED));
}

#[test]
fn each_state_has_a_word() {
    assert_eq!(EndpointState::words().collect::<Vec<_>>(), ["eligible", "drained", "leaving", "down", "ejected"]);
    let states = [
        EndpointState::ELIGIBLE,
        EndpointState::DRAINED,
        EndpointState::LEAVING,
        EndpointState::DOWN,
        EndpointState::EJECTED,
    ];
    assert_eq!(states.map(EndpointState::as_str), ["eligible", "drained", "leaving", "down", "ejected"]);
    let both = EndpointState::EJECTED.with(EndpointState::DOWN);
    assert_eq!(both.as_str(), "down", "the first is what people read");
}

#[test]
fn each_cause_is_one_bit_and_no_two_are_the_same() {
    let all = CAUSES.iter().fold(0_u8, |all, (cause, _)| all | cause.0);
    assert!(CAUSES.iter().all(|(cause, _)| cause.0.is_power_of_two()));
    assert_eq!(all.count_ones() as usize, CAUSES.len());
}

#[test]
fn it_goes_to_another_process_and_comes_back_as_it_was() {
    let both = EndpointState::DOWN.with(EndpointState::DRAINED);
    for (state, text) in [
        (EndpointState::ELIGIBLE, "[]"),
        (EndpointState::DRAINED, r#"["drained"]"#),
        (both, r#"["drained","down"]"#),
        (EndpointState::EJECTED, r#"["ejected"]"#),
    ] {
        assert_eq!(serde_json::to_string(&state).unwrap(), text);
        assert_eq!(serde_json::from_str::<EndpointState>(text).unwrap(), state);
    }
    let later = serde_json::from_str::<EndpointState>(r#"["melancholic", "drained"]"#);
    assert_eq!(later.unwrap(), EndpointState::DRAINED);
}

#[tokio::test(start_paused = true)]
async fn it_is_known_since_when_and_why_and_how_long_it_lasted() {
    let state = StateCell::default();
    assert!(state.transition(ProbesFailed("status 503")).unwrap().ended.is_none());
    state.transition(Ejected("3 upgrades in a row failed"));
    assert_eq!(state.transition(Ejected("its trial failed")), None, "it is ejected still");
    let causes = state.causes();
    let said: Vec<_> = causes.iter().map(|it| (it.cause.as_str(), it.why.as_str())).collect();
    assert_eq!(said, [("down", "status 503"), ("ejected", "its trial failed")]);

    tokio::time::advance(Duration::from_secs(7)).await;
    assert!(state.causes().iter().all(|it| it.lasted == Duration::from_secs(7)));
    let ended = state.transition(ProbesPassed).unwrap().ended.unwrap();
    assert_eq!((ended.why.as_str(), ended.lasted), ("status 503", Duration::from_secs(7)));
    assert_eq!(state.get(), EndpointState::EJECTED);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_takes_over_knows_for_how_long_and_why() {
    let (old, new) = (StateCell::default(), StateCell::default());
    let hour = Duration::from_secs(3600);
    let long_ago = StateCause { cause: "down".into(), lasted: hour, why: "connection refused".into() };
    let both = EndpointState::DOWN.with(EndpointState::EJECTED);
    old.transition(Inherited(both, std::slice::from_ref(&long_ago)));
    assert_eq!(new.transition(Inherited(old.get(), &old.causes())).unwrap().state, both);
    assert_eq!(new.causes(), old.causes());
    assert_eq!(new.causes()[0], long_ago);
    assert_eq!(new.causes()[1].why, "it was so in the process before");
    let impossible = StateCause { lasted: Duration::MAX, ..long_ago };
    new.transition(Inherited(EndpointState::DOWN, &[impossible]));
    assert_eq!(new.transition(ProbesPassed).unwrap().ended.unwrap().lasted, Duration::ZERO);
}

fn events() -> impl Strategy<Value = EndpointEvent<'static>> {
    prop_oneof![
        Just(Drained),
        Just(TakenBack),
        Just(ProbesFailed("no connection")),
        Just(ProbesPassed),
        Just(Left("file a names it no more")),
        Just(Returned),
        Just(Ejected("no answer")),
        Just(Readmitted),
        (0_u8..16).prop_map(|state| Inherited(EndpointState(state), &[])),
    ]
}

proptest! {
    #[test]
    fn of_each_cause_and_of_no_other_is_it_known_why(events in proptest::collection::vec(events(), 0..40)) {
        let cell = StateCell::default();
        for event in events {
            let before = cell.get();
            let change = cell.transition(event);
            prop_assert_eq!(change.is_some(), cell.get() != before);
            let words: Vec<_> = cell.causes().into_iter().map(|it| it.cause).collect();
            prop_assert_eq!(words, cell.get().causes().collect::<Vec<_>>());
            prop_assert_eq!(cell.get().is_eligible(), cell.causes().is_empty());
        }
    }
}
