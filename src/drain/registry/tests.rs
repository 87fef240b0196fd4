use std::time::Duration;

use tokio::time::Instant;

use super::super::{Incarnation, LOCAL_CLIENT};
use super::*;
use crate::websocket::CloseCode;

fn member(route: u64) -> Member {
    Member { route: ("chat".into(), Incarnation(route)), ..Member::of_route("chat") }
}

fn order(seconds: u64) -> StopOrder {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    StopOrder { cause: Cause::Reload, code: CloseCode::SERVICE_RESTART, reason: None, deadline }
}

fn standing(route: u64, while_alive: Option<Weak<()>>) -> StandingOrder {
    StandingOrder { scope: Scope::Route(Incarnation(route)), order: order(10), while_alive }
}

#[tokio::test(start_paused = true)]
async fn forgets_a_tunnel_when_its_registration_goes() {
    let registry = Registry::new(2);
    let registration = registry.register(1, member(2), LOCAL_CLIENT);
    assert_eq!(registry.len(), 1);
    drop(registration);
    assert!(registry.is_empty());
    registry.check_invariants();
}

#[tokio::test(start_paused = true)]
async fn a_look_at_all_shows_each_once_and_holds_nobody_up() {
    let registry = Registry::new(2);
    let all: Vec<_> = (0..5 * AT_ONCE).map(|number| registry.register(number, member(2), LOCAL_CLIENT)).collect();
    let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.handle().id.0.is_multiple_of(3));
    drop(gone);
    let mut seen = Vec::new();
    registry.each(|handle| {
        assert!(registry.shards.iter().all(|shard| shard.try_lock().is_ok()), "a worker can open and end tunnels");
        seen.push(handle.id.0);
    });
    seen.sort_unstable();
    assert_eq!(seen, left.iter().map(|it| it.handle().id.0).collect::<Vec<_>>());
    registry.check_invariants();
}

#[tokio::test(start_paused = true)]
async fn a_late_registration_finds_its_order_waiting() {
    let registry = Registry::new(1);
    let early = registry.register(0, member(2), LOCAL_CLIENT);
    let found = registry.begin([standing(2, None)]);
    assert_eq!(found.len(), 1);
    assert!(early.handle().order().is_none(), "who was there before is told by the pace");
    assert!(registry.register(0, member(2), LOCAL_CLIENT).handle().order().is_some());
    assert!(registry.register(0, member(9), LOCAL_CLIENT).handle().order().is_none(), "another route is not concerned");
    registry.check_invariants();
}

#[tokio::test(start_paused = true)]
async fn a_standing_order_lasts_as_long_as_somebody_can_register_under_it() {
    let registry = Registry::new(1);
    let old_route = Arc::new(());
    registry.begin([standing(2, Some(Arc::downgrade(&old_route)))]);
    drop(old_route);
    registry.begin([]);
    assert!(locked(&registry.standing).is_empty());
    registry.check_invariants();
}

#[tokio::test(start_paused = true)]
async fn an_order_takes_the_place_of_one_of_the_same_cause_and_scope() {
    let registry = Registry::new(1);
    let of_operator =
        |seconds| StandingOrder { order: StopOrder { cause: Cause::Operator, ..order(seconds) }, ..standing(2, None) };
    registry.begin([standing(2, None), standing(3, None)]);
    for seconds in 1..=100 {
        registry.begin([of_operator(seconds)]);
    }
    assert_eq!(locked(&registry.standing).values().map(Vec::len).sum::<usize>(), 3);
    registry.forget(Cause::Reload, Scope::Route(Incarnation(2)));
    assert_eq!(registry.register(0, member(2), LOCAL_CLIENT).handle().order(), Some(of_operator(100).order));
    registry.check_invariants();
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_taken_back_waits_for_nobody() {
    let registry = Registry::new(1);
    registry.begin([standing(2, None), standing(3, None)]);
    registry.forget(Cause::Reload, Scope::Route(Incarnation(2)));
    assert!(!registry.register(0, member(2), LOCAL_CLIENT).handle().has_order());
    assert!(registry.register(0, member(3), LOCAL_CLIENT).handle().has_order(), "the other order stands");
    registry.forget(Cause::Operator, Scope::Route(Incarnation(3)));
    assert!(registry.register(0, member(3), LOCAL_CLIENT).handle().has_order(), "another cause's order is not touched");
    registry.check_invariants();
}

#[tokio::test(start_paused = true)]
async fn a_second_order_only_brings_the_deadline_nearer() {
    let registry = Registry::new(1);
    let registration = registry.register(0, member(2), LOCAL_CLIENT);
    let (first, later, sooner) = (order(10), order(20), order(5));
    registration.handle().order_close(first.clone());
    registration.handle().order_close(later);
    assert_eq!(registration.handle().order().map(|o| o.deadline), Some(first.deadline));
    registration.handle().order_close(sooner.clone());
    assert_eq!(registration.handle().order().map(|o| o.deadline), Some(sooner.deadline));
    registry.check_invariants();
}
