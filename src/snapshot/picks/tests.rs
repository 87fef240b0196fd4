//! Where requests go: pins and refuges, drains, backups, full endpoints, turns, and slow starts over reloads.

use std::path::Path;

use super::super::{Certificates, EndpointEvent, Snapshot};
use super::*;
use crate::balance::{Pin, Stay};
use crate::config::parse;
use crate::health::Asked;
use crate::tls::TicketKeys;

const TWO: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
"#;

fn snapshot(text: &str, previous: Option<&Snapshot>) -> Snapshot {
    let settings = parse(text, Path::new("test.toml")).unwrap();
    Snapshot::assemble(settings.into(), Certificates::new(), &TicketKeys::generate().unwrap(), previous)
}

fn picks(snapshot: &Snapshot, pin: Option<&str>) -> Vec<String> {
    picks_of(snapshot, pin.map(|name| (name, Stay::Home)), true)
}

fn picks_of(snapshot: &Snapshot, pin: Option<(&str, Stay)>, begins_session: bool) -> Vec<String> {
    let pin = pin.map(|(name, stay)| Pin { endpoint: PinToken::of("chat", name), stay });
    let affinity = Affinity { key: Some(key()), pin, begins_session };
    let upstream = &snapshot.upstreams()["chat"];
    let picks = upstream.picks(&affinity, upstream.eligibility(Asked::Upgrade), Full::PassedOver);
    picks.map(|endpoint| endpoint.name.to_string()).collect()
}

fn key() -> AffinityKey {
    AffinityKey::of_value(b"somebody")
}

#[test]
fn a_refuge_is_left_where_a_session_begins_and_the_home_takes_it_again() {
    let snapshot = snapshot(TWO, None);
    let upstream = &snapshot.upstreams()["chat"];
    let [home, other] = [0, 1].map(|index| picks(&snapshot, None)[index].clone());
    let named = |name: &String| upstream.endpoints().iter().find(|it| it.name.as_str() == name).unwrap();
    let order = |begins| picks_of(&snapshot, Some((&other, Stay::Refuge)), begins);
    assert_eq!(upstream.stay_at(named(&home), Some(key())), Stay::Home);
    assert_eq!(order(true), [home.clone(), other.clone()]);
    assert_eq!(order(false), [other.clone(), home.clone()], "a session goes on where it is");
    assert_eq!(picks(&snapshot, Some(&other)), [other.clone(), home.clone()], "a pin is none");
    let at_home = picks_of(&snapshot, Some((&home, Stay::Refuge)), true);
    assert_eq!(at_home, [home.clone(), other.clone()], "each is tried once");

    named(&home).transition(EndpointEvent::Drained);
    assert_eq!(upstream.stay_at(named(&other), Some(key())), Stay::Refuge);
    assert_eq!(order(true), [other]);
}

#[test]
fn a_draining_endpoint_is_no_choice_and_a_pin_to_it_falls_back_to_the_hash() {
    let snapshot = snapshot(TWO, None);
    assert_eq!(picks(&snapshot, None).len(), 2);
    snapshot.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::Drained);
    assert_eq!(picks(&snapshot, None), ["b"]);
    assert_eq!(picks(&snapshot, Some("a")), ["b"]);
    snapshot.upstreams()["chat"].endpoints()[1].transition(EndpointEvent::Drained);
    assert!(picks(&snapshot, Some("a")).is_empty());
    assert!(snapshot.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::TakenBack).is_some());
    assert_eq!(picks(&snapshot, None), ["a"]);
}

#[test]
fn a_drain_is_carried_over_a_reload_but_not_to_another_address() {
    let first = snapshot(TWO, None);
    first.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::Drained);
    let heavier = TWO.replace("address = \"127.0.0.1:1\"", "address = \"127.0.0.1:1\", weight = 3");
    let second = snapshot(&heavier, Some(&first));
    assert_eq!(picks(&second, None), ["b"]);
    let moved = snapshot(&TWO.replace("127.0.0.1:1\"", "127.0.0.1:9\""), Some(&second));
    assert_eq!(picks(&moved, None).len(), 2);
}
