//! Who may be placed where, as endpoints go down, are ejected, tried and drained.

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use tokio::time::advance;

use super::super::{EndpointEvent, FileContents, Snapshot};
use super::*;
use crate::balance::Affinity;
use crate::config::{EndpointRole, EndpointSettings, parse, parse_endpoint};
use crate::health::Asked::{Exchange, Upgrade};
use crate::health::Availability;
use crate::tls::TicketKeys;

/// `a` and `b`, with these keys of their upstream.
fn two(keys: &str) -> Arc<Upstream> {
    upstream(keys, None)
}

fn upstream(keys: &str, previous: Option<&Snapshot>) -> Arc<Upstream> {
    Arc::clone(&snapshot(keys, previous).upstreams()["chat"])
}

fn snapshot(keys: &str, previous: Option<&Snapshot>) -> Snapshot {
    let text = format!(
        "[listener.public]\nbind = \"127.0.0.1:0\"\n[route.chat]\nupstream = \"chat\"\n[upstream.chat]\n{keys}\n\
         endpoints = [{{ name = \"a\", address = \"127.0.0.1:1\" }}, {{ name = \"b\", address = \"127.0.0.1:2\" }}]\n"
    );
    let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
}

/// The names of those that take a request of this kind.
fn takers(upstream: &Upstream, asked: Asked) -> Vec<&str> {
    let eligibility = upstream.eligibility(asked);
    upstream.endpoints().iter().filter(|it| eligibility.takes(it)).map(|it| it.name.as_str()).collect()
}

fn endpoint<'u>(upstream: &'u Upstream, name: &str) -> &'u Arc<Endpoint> {
    upstream.endpoints().iter().find(|it| it.name.as_str() == name).unwrap()
}

fn fail(upstream: &Upstream, name: &str, asked: Asked, times: usize) {
    for _ in 0..times {
        endpoint(upstream, name).note_failure(asked, &"no connection", None, upstream);
    }
}

fn call(upstream: &Upstream, name: &str, availability: Availability) {
    let endpoint = endpoint(upstream, name);
    let (prober, _) = endpoint.begin_probing();
    endpoint.note_availability(prober, availability, "as the test likes");
}

fn trial(upstream: &Upstream, name: &str, asked: Asked) -> Option<Trial> {
    upstream.eligibility(asked).place(endpoint(upstream, name)).and_then(PlacedAs::into_trial)
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_takes_nobody_until_it_is_up() {
    let upstream = two("health = { probe = \"tcp\" }");
    call(&upstream, "a", Availability::Down);
    assert_eq!(takers(&upstream, Upgrade), ["b"]);
    assert!(upstream.eligibility(Upgrade).place(endpoint(&upstream, "a")).is_none());
    call(&upstream, "a", Availability::Up);
    assert_eq!(takers(&upstream, Upgrade), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn requests_that_fail_in_a_row_eject_and_one_trial_brings_it_back() {
    let upstream = two("eject = { after = 3, first = \"5s\", most = \"1min\" }");
    fail(&upstream, "a", Upgrade, 2);
    endpoint(&upstream, "a").note_success(Upgrade, None);
    fail(&upstream, "a", Upgrade, 2);
    assert_eq!(takers(&upstream, Upgrade), ["a", "b"]);
    fail(&upstream, "a", Upgrade, 1);
    assert_eq!(takers(&upstream, Upgrade), ["b"]);
    assert_eq!(takers(&upstream, Exchange), ["a", "b"], "an endpoint may serve pages, and no upgrades");
    assert_eq!(endpoint(&upstream, "a").causes()[0].why, "3 upgrades in a row failed: no connection");
    assert_eq!(endpoint(&upstream, "a").health_counts().ejections, 1);

    advance(Duration::from_millis(5501)).await;
    assert_eq!(takers(&upstream, Upgrade), ["a", "b"]);
    assert!(trial(&upstream, "a", Exchange).is_none(), "an upgrade is what had failed");
    let first = trial(&upstream, "a", Upgrade).unwrap();
    assert_eq!(takers(&upstream, Upgrade), ["b"], "one at a time");
    assert!(upstream.eligibility(Upgrade).place(endpoint(&upstream, "a")).is_none());
    drop(first);
    let second = trial(&upstream, "a", Upgrade).unwrap();
    endpoint(&upstream, "a").note_failure(Upgrade, &"status 503", Some(second), &upstream);
    assert_eq!(endpoint(&upstream, "a").causes()[0].why, "its trial failed: status 503");
    advance(Duration::from_millis(5501)).await;
    assert_eq!(takers(&upstream, Upgrade), ["b"], "the back-off is doubled");
    advance(Duration::from_millis(5501)).await;
    let third = trial(&upstream, "a", Upgrade).unwrap();
    endpoint(&upstream, "a").note_success(Upgrade, Some(third));
    assert_eq!(takers(&upstream, Upgrade), ["a", "b"]);
    assert_eq!(endpoint(&upstream, "a").health_counts().ejections, 1, "a failed trial is no new one");
}

#[tokio::test(start_paused = true)]
async fn where_all_are_down_or_ejected_they_are_tried_or_refused_as_configured() {
    for (when_all_down, takers_then) in [("try", vec!["a", "b"]), ("refuse", vec![])] {
        let upstream = two(&format!("health = {{ probe = \"tcp\" }}\nwhen_all_down = \"{when_all_down}\""));
        call(&upstream, "b", Availability::Down);
        fail(&upstream, "a", Upgrade, 3);
        assert_eq!(takers(&upstream, Upgrade), ["a"], "the last one is never ejected");
        call(&upstream, "b", Availability::Up);
        fail(&upstream, "a", Upgrade, 1);
        call(&upstream, "b", Availability::Down);
        assert_eq!(takers(&upstream, Upgrade), takers_then, "{when_all_down}");
        endpoint(&upstream, "b").transition(EndpointEvent::Drained);
        let but_the_drained: Vec<_> = takers_then.into_iter().filter(|name| *name == "a").collect();
        assert_eq!(takers(&upstream, Upgrade), but_the_drained, "what is drained is no resort");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_success_of_a_last_resort_readmits() {
    let upstream = two("health = { probe = \"tcp\" }");
    fail(&upstream, "a", Upgrade, 3);
    call(&upstream, "b", Availability::Down);
    let eligibility = upstream.eligibility(Upgrade);
    let first = eligibility.place(endpoint(&upstream, "a")).and_then(PlacedAs::into_trial);
    assert!(matches!(eligibility.place(endpoint(&upstream, "a")), Some(PlacedAs::Usual)), "others are tried, too");
    endpoint(&upstream, "a").note_success(Upgrade, first);
    assert_eq!(takers(&upstream, Upgrade), ["a"]);
}

#[test]
fn two_that_fail_at_once_do_not_leave_nobody() {
    for _ in 0..200 {
        let (upstream, start) = (two(""), Barrier::new(2));
        std::thread::scope(|scope| {
            for name in ["a", "b"] {
                let (upstream, start) = (&upstream, &start);
                scope.spawn(move || {
                    start.wait();
                    fail(upstream, name, Upgrade, 3);
                });
            }
        });
        assert_eq!(takers(&upstream, Upgrade).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_takes_health_or_eject_away_takes_back_what_nobody_else_would() {
    let first = snapshot("health = { probe = \"tcp\" }", None);
    let before = &first.upstreams()["chat"];
    call(before, "a", Availability::Down);
    fail(before, "b", Upgrade, 3);
    assert_eq!(takers(before, Upgrade), ["b"], "the last one is never ejected");
    let second = upstream("health = \"off\"", Some(&first));
    endpoint(&second, "a").keep_to(&second.settings);
    assert_eq!(takers(&second, Upgrade), ["a", "b"]);
    fail(&second, "b", Upgrade, 1);
    assert_eq!(takers(&second, Upgrade), ["a"], "what was counted goes on");
    let third = upstream("eject = \"off\"", Some(&first));
    endpoint(&third, "b").keep_to(&third.settings);
    assert_eq!(takers(&third, Upgrade), ["a", "b"]);
    fail(&third, "b", Upgrade, 10);
    assert_eq!(takers(&third, Upgrade), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn only_who_began_to_probe_last_is_believed() {
    let upstream = two("health = { probe = \"tcp\" }");
    let endpoint = endpoint(&upstream, "a");
    let (old, _) = endpoint.begin_probing();
    let (new, availability) = endpoint.begin_probing();
    assert_eq!(availability, Availability::Up);
    assert!(!endpoint.note_availability(old, Availability::Down, "late"));
    assert!(endpoint.note_availability(new, Availability::Down, "in time"));
    assert!(!endpoint.note_availability(new, Availability::Down, "it was so already"));
    assert_eq!(endpoint.begin_probing().1, Availability::Down, "where it stands is carried over");
    endpoint.end_probing();
    assert!(endpoint.state().is_eligible());
    assert!(!endpoint.note_availability(new, Availability::Down, "nobody is at work"));
}

#[tokio::test(start_paused = true)]
async fn what_fails_on_an_endpoint_that_nobody_is_placed_on_is_not_counted() {
    let upstream = two("health = { probe = \"tcp\" }");
    call(&upstream, "a", Availability::Down);
    fail(&upstream, "a", Upgrade, 10);
    call(&upstream, "a", Availability::Up);
    fail(&upstream, "a", Upgrade, 2);
    assert_eq!(takers(&upstream, Upgrade), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_upgrade_stays_where_only_exchanges_fail() {
    let upstream = two("");
    let a = endpoint(&upstream, "a");
    fail(&upstream, "a", Exchange, 3);
    assert!(a.state().is_ejected() && !upstream.has_better_than(a));
    fail(&upstream, "a", Upgrade, 3);
    assert!(upstream.has_better_than(a));
    endpoint(&upstream, "b").transition(EndpointEvent::Drained);
    assert!(!upstream.has_better_than(a), "no other is any better");
}

#[test]
fn who_found_a_set_that_is_all_gone_is_not_refused() {
    let old = snapshot("", None);
    let chat = |snapshot: &Snapshot| Arc::clone(&snapshot.upstreams()["chat"]);
    let set: Vec<_> = chat(&old).settings.endpoints.clone();
    let leaving = set.iter().map(|it| EndpointSettings { role: EndpointRole::Leaving, ..it.clone() });
    let c = parse_endpoint("127.0.0.1:3", Some("c"), None, EndpointRole::Ready).unwrap();
    let new = old.with_endpoints(&"chat".into(), leaving.chain([c]).collect()).unwrap();
    chat(&new).take_effect();
    // The new version serves with those that came alone, also where it has none of them.
    assert_eq!(takers(&chat(&new), Upgrade), ["c"]);
    endpoint(&chat(&new), "c").transition(EndpointEvent::Drained);
    assert!(takers(&chat(&new), Upgrade).is_empty());
    // Whoever has found the one before goes where it says, but not where an operator wants nobody.
    for asked in [Upgrade, Exchange] {
        assert_eq!(takers(&chat(&old), asked), ["a", "b"]);
    }
    endpoint(&chat(&old), "a").transition(EndpointEvent::Drained);
    assert_eq!(takers(&chat(&old), Upgrade), ["b"]);
    let (old, affinity) = (chat(&old), Affinity { key: None, pin: None, begins_session: true });
    let picked: Vec<_> = old.picks(&affinity, Upgrade).map(|pick| pick.endpoint.name.to_string()).collect();
    assert_eq!(picked, ["b"]);
}
