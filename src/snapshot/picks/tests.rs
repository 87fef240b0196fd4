//! Where requests go: pins and refuges, drains, backups, full endpoints, round robin, and slow starts over reloads.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use tokio::time::advance;

use super::super::{EndpointEvent, FileContents, Lease, Snapshot};
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
pin_cookie = "pin"
"#;

fn snapshot(text: &str, previous: Option<&Snapshot>) -> Snapshot {
    let settings = parse(text, Path::new("test.toml")).unwrap();
    Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
}

fn picks(snapshot: &Snapshot, pin: Option<&str>) -> Vec<String> {
    picks_of(snapshot, pin.map(|name| (name, Stay::Home)), true)
}

fn picks_of(snapshot: &Snapshot, pin: Option<(&str, Stay)>, begins_session: bool) -> Vec<String> {
    let pin = pin.map(|(name, stay)| Pin { endpoint: PinToken::of("chat", name), stay });
    let affinity = Affinity { key: Some(key()), pin, begins_session };
    let upstream = &snapshot.upstreams()["chat"];
    let picks = upstream.picks(&affinity, Asked::Upgrade);
    picks.map(|pick| pick.endpoint.name.to_string()).collect()
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

/// `a`, `b` and what else is in `endpoints`, with these keys of their upstream.
fn with(keys: &str, more: &str, previous: Option<&Snapshot>) -> Snapshot {
    let text = TWO.replace("[upstream.chat]", &format!("[upstream.chat]\n{keys}"));
    snapshot(&text.replace("\"127.0.0.1:2\" }", &format!("\"127.0.0.1:2\" }}{more}")), previous)
}

/// Where a request with this key goes first.
fn first(snapshot: &Snapshot, key: Option<AffinityKey>, asked: Asked) -> Option<&str> {
    let affinity = Affinity { key, pin: None, begins_session: true };
    let upstream = &snapshot.upstreams()["chat"];
    upstream.picks(&affinity, asked).next().map(|pick| pick.endpoint.name.as_str())
}

/// Where requests without a key go, one after the other.
fn firsts(snapshot: &Snapshot, count: usize) -> String {
    (0..count).map(|_| first(snapshot, None, Asked::Upgrade).unwrap_or("-")).collect()
}

fn number(number: u32) -> AffinityKey {
    AffinityKey::of_value(&number.to_le_bytes())
}

fn named<'s>(snapshot: &'s Snapshot, name: &str) -> &'s Arc<Endpoint> {
    snapshot.upstreams()["chat"].endpoints().iter().find(|it| it.name.as_str() == name).unwrap()
}

fn leases(snapshot: &Snapshot, name: &str, count: usize) -> Vec<Lease> {
    (0..count).map(|_| named(snapshot, name).lease()).collect()
}

const C: &str = ", { name = \"c\", address = \"127.0.0.1:3\" }";
const BACKUP: &str = ", { name = \"c\", address = \"127.0.0.1:3\", backup = true }";

#[test]
fn a_backup_serves_while_no_other_can() {
    let snapshot = with("max_tunnels = 1", BACKUP, None);
    let order = picks(&snapshot, None);
    assert_eq!(order[2], "c", "it comes when all others were tried: {order:?}");
    for number in (0..100).map(number) {
        assert_ne!(first(&snapshot, Some(number), Asked::Upgrade), Some("c"));
    }
    named(&snapshot, "a").transition(EndpointEvent::Drained);
    assert_eq!(firsts(&snapshot, 3), "bbb");
    let _one = leases(&snapshot, "b", 1);
    assert_eq!(firsts(&snapshot, 3), "ccc");
    assert_eq!(first(&snapshot, None, Asked::Exchange), Some("b"));
}

#[test]
fn a_full_endpoint_is_passed_over_by_tunnels() {
    let snapshot = with("max_tunnels = 2", "", None);
    let home = picks(&snapshot, None)[0].clone();
    let leases = leases(&snapshot, &home, 2);
    assert_ne!(first(&snapshot, Some(key()), Asked::Upgrade), Some(home.as_str()));
    assert_eq!(first(&snapshot, Some(key()), Asked::Exchange), Some(home.as_str()));
    assert_eq!(picks(&snapshot, Some(&home)).len(), 1, "a pin is no way around");
    drop(leases);
    assert_eq!(first(&snapshot, Some(key()), Asked::Upgrade), Some(home.as_str()));
}

#[test]
fn leases_are_never_more_than_there_are_places() {
    let snapshot = snapshot(TWO, None);
    let (endpoint, max) = (named(&snapshot, "a"), NonZeroUsize::new(5));
    let taken: Vec<_> = std::thread::scope(|scope| {
        let take = || (0..100).filter_map(|_| endpoint.try_lease(max)).collect::<Vec<_>>();
        let threads = [(); 4].map(|()| scope.spawn(take));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((taken.len(), endpoint.tunnels()), (5, 5));
    drop(taken);
    assert!(endpoint.tunnels() == 0 && endpoint.try_lease(max).is_some());
    assert!(endpoint.try_lease(None).is_some());
}

#[test]
fn without_a_key_sticky_is_least_tunnels() {
    let snapshot = snapshot(TWO, None);
    let _some = leases(&snapshot, "a", 3);
    assert_eq!(firsts(&snapshot, 5), "bbbbb");
    let _more = leases(&snapshot, "b", 4);
    assert_eq!(firsts(&snapshot, 5), "aaaaa");
    let b = named(&snapshot, "b");
    assert_eq!(snapshot.upstreams()["chat"].stay_at(b, None), Stay::Home, "no key means another");
}

#[test]
fn round_robin_goes_by_weight_and_goes_on_over_a_reload() {
    let policy = "policy = \"round_robin\"";
    let one = with(policy, C, None);
    assert_eq!(firsts(&one, 5), "abcab");
    let two = with(
        policy,
        ", { name = \"c\", address = \"127.0.0.1:3\" }, { name = \"d\", address = \"127.0.0.1:4\" }",
        Some(&one),
    );
    assert_eq!(firsts(&two, 9), "cdabcdabc");
    named(&two, "a").transition(EndpointEvent::Drained);
    assert_eq!(firsts(&two, 6), "dbcdbc");
    named(&two, "a").transition(EndpointEvent::TakenBack);
    assert_eq!(firsts(&two, 8), "adabcdab", "it makes up for nothing");
    let in_turn = picks(&two, None);
    assert_eq!(in_turn.len(), 4, "each is tried once: {in_turn:?}");
}

#[test]
fn a_bounded_load_counts_the_tunnels_that_were_open_before_a_reload() {
    let before = with("", "", None);
    let home = picks(&before, None)[0].clone();
    let _open = leases(&before, &home, 10);
    assert_eq!(first(&before, Some(key()), Asked::Upgrade), Some(home.as_str()));
    let after = with("bounded_load = 1.25", "", Some(&before));
    assert_ne!(first(&after, Some(key()), Asked::Upgrade), Some(home.as_str()));
    assert_ne!(first(&after, Some(key()), Asked::Exchange), Some(home.as_str()), "polls and upgrades go one way");
    assert_eq!(picks(&after, Some(&home))[0], home, "a pin stays");
    let other = picks(&before, None)[1].clone();
    let kept = picks_of(&after, Some((&other, Stay::Refuge)), true);
    assert_eq!(kept[0], other, "nobody leaves a refuge for a home that has no room");
}

#[test]
fn a_key_reaches_its_shards_and_no_backup_while_others_serve() {
    let snapshot = with("shards = 1", BACKUP, None);
    let reached = picks(&snapshot, None);
    assert_eq!(reached.len(), 1);
    assert_ne!(reached[0], "c");
    let other = if reached[0] == "a" { "b" } else { "a" };
    named(&snapshot, other).transition(EndpointEvent::Drained);
    assert_eq!(picks(&snapshot, None), [reached[0].as_str(), "c"], "nobody else serves once that was tried");
}

#[tokio::test(start_paused = true)]
async fn a_busy_endpoint_is_left_for_one_that_is_less_so() {
    let snapshot = with("policy = \"least_busy\"", "", None);
    named(&snapshot, "a").busyness.note_stalled();
    advance(Duration::from_secs(1)).await;
    let _many = leases(&snapshot, "b", 5);
    assert_eq!(firsts(&snapshot, 5), "bbbbb");
}

/// How many of 2,000 keys are placed on this endpoint.
fn keys_of(snapshot: &Snapshot, name: &str) -> usize {
    (0..2_000).filter(|&it| first(snapshot, Some(number(it)), Asked::Upgrade) == Some(name)).count()
}

#[tokio::test(start_paused = true)]
async fn who_comes_by_a_reload_or_comes_back_starts_slowly_and_who_was_there_at_the_start_does_not() {
    let keys = "slow_start = \"10s\"";
    let start = with(keys, "", None);
    assert!((900..=1_100).contains(&keys_of(&start, "a")));
    advance(Duration::from_secs(60)).await;
    let reloaded = with(keys, C, Some(&start));
    assert!(keys_of(&reloaded, "c") < 10);
    advance(Duration::from_secs(5)).await;
    // Half of a weight among two and a half.
    assert!((340..=460).contains(&keys_of(&reloaded, "c")), "{}", keys_of(&reloaded, "c"));
    let on_c: Vec<_> =
        (0..2_000).filter(|&it| first(&reloaded, Some(number(it)), Asked::Upgrade) == Some("c")).collect();
    advance(Duration::from_secs(5)).await;
    assert!((600..=730).contains(&keys_of(&reloaded, "c")));
    assert!(on_c.iter().all(|&it| first(&reloaded, Some(number(it)), Asked::Upgrade) == Some("c")), "a key goes back");

    named(&reloaded, "a").transition(EndpointEvent::Drained);
    assert_eq!(keys_of(&reloaded, "a"), 0);
    named(&reloaded, "a").transition(EndpointEvent::TakenBack);
    assert!(keys_of(&reloaded, "a") < 10);
    let at_once = with("", C, Some(&reloaded));
    assert!((600..=730).contains(&keys_of(&at_once, "a")), "nothing is slow any more");
}

#[test]
fn two_proxies_place_every_key_alike_whenever_they_were_started() {
    let endpoint = |index: usize| {
        format!("{{ name = \"e{index}\", address = \"127.0.0.1:{}\", weight = {} }}", index + 1, 1 + index % 7)
    };
    let text = |order: &[usize]| {
        let endpoints: Vec<_> = order.iter().map(|&index| endpoint(index)).collect();
        let head = TWO.split("endpoints").next().unwrap();
        format!("{head}endpoints = [{}]\n", endpoints.join(", "))
    };
    // As many as are kept in mind, and few.
    for count in [300, 20] {
        let straight: Vec<_> = (0..count).collect();
        let turned: Vec<_> = (0..count).map(|index| (index * 7 + 3) % count).collect();
        let one = snapshot(&text(&straight), None);
        let mut other = snapshot(&text(&turned[..1]), None);
        for so_many in [count / 2, count] {
            assert!((0..50).all(|it| first(&other, Some(number(it)), Asked::Upgrade).is_some()));
            other = snapshot(&text(&turned[..so_many]), Some(&other));
        }
        for proxy in [&one, &other] {
            for drained in [1, 4, 9] {
                named(proxy, &format!("e{drained}")).transition(EndpointEvent::Drained);
            }
        }
        for key in (0..500).map(number) {
            let placed = |proxy| first(proxy, Some(key), Asked::Upgrade).map(str::to_string);
            assert_eq!(placed(&one), placed(&other));
        }
    }
}

#[test]
fn where_everybody_was_tried_in_vain_those_that_are_down_or_ejected_are_tried_too() {
    for (when_all_down, order) in [("try", vec!["b", "a"]), ("refuse", vec!["b"])] {
        let keys = format!("when_all_down = \"{when_all_down}\"\nhealth = {{ probe = \"tcp\" }}");
        let snapshot = with(&keys, "", None);
        named(&snapshot, "a").transition(EndpointEvent::ProbesFailed("no answer"));
        assert_eq!(picks(&snapshot, None), order, "{when_all_down}");
    }
}

#[test]
fn who_lacks_a_place_is_not_sent_to_where_nobody_should_be() {
    let snapshot = with("max_tunnels = 1\nhealth = { probe = \"tcp\" }", "", None);
    named(&snapshot, "a").transition(EndpointEvent::ProbesFailed("no answer"));
    let _full = leases(&snapshot, "b", 1);
    assert!(picks(&snapshot, None).is_empty());
    let affinity = Affinity { key: Some(key()), pin: None, begins_session: true };
    assert!(snapshot.upstreams()["chat"].is_full_for(&affinity));
    named(&snapshot, "b").transition(EndpointEvent::Drained);
    assert!(!snapshot.upstreams()["chat"].is_full_for(&affinity) || !picks(&snapshot, None).is_empty());
}

#[test]
fn a_backup_is_nobodys_home() {
    let snapshot = with("policy = \"least_tunnels\"", BACKUP, None);
    let upstream = &snapshot.upstreams()["chat"];
    let stays = ["a", "c"].map(|name| upstream.stay_at(named(&snapshot, name), None));
    assert_eq!(stays, [Stay::Home, Stay::Refuge]);
    let first = |stay, begins_session| {
        let pin = Some(Pin { endpoint: PinToken::of("chat", "c"), stay });
        let affinity = Affinity { key: None, pin, begins_session };
        upstream.picks(&affinity, Asked::Upgrade).next().unwrap().endpoint.name.to_string()
    };
    assert_eq!(first(Stay::Refuge, false), "c", "a session goes on where it is");
    assert_ne!(first(Stay::Refuge, true), "c");
    for name in ["a", "b"] {
        named(&snapshot, name).transition(EndpointEvent::Drained);
    }
    assert_eq!(first(Stay::Refuge, true), "c");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_take_its_time_is_no_trial() {
    let snapshot = with("eject = { after = 1, first = \"1s\" }", "", None);
    let upstream = &snapshot.upstreams()["chat"];
    named(&snapshot, "a").note_failure(Asked::Exchange, &"no answer", None, upstream);
    advance(Duration::from_secs(2)).await;
    let affinity = Affinity { key: Some(key()), pin: None, begins_session: true };
    let trials = |picks: Picks<'_>| picks.filter(|pick| pick.trial.is_some()).count();
    assert_eq!(upstream.picks(&affinity, Asked::Exchange).without_trials().next().unwrap().endpoint.name.as_str(), "b");
    assert_eq!(trials(upstream.picks(&affinity, Asked::Exchange)), 1);
}
