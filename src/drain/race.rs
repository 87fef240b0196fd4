//! Upgrades that finish while a drain starts, from seeds: none is missed, none hangs.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Cause, Drain, DrainPolicy, Incarnation, LOCAL_CLIENT, Member, Registration, Registry, Scope, StandingOrder,
    StopOrder, TakeBack,
};
use crate::config::DrainWindow;
use crate::websocket::CloseCode;

const WINDOW: DrainWindow = DrainWindow { deadline: Duration::from_secs(10), spread: Duration::from_secs(4) };
const POLICY: DrainPolicy = DrainPolicy {
    window: WINDOW,
    max_per_second: NonZeroU32::new(1000).unwrap(),
    code: CloseCode::SERVICE_RESTART,
    reason: None,
    spread: super::Spread::Exact,
};
/// Upgrades take, and the drain starts, within so many milliseconds.
const RACE: u64 = 5;
/// What became of one upgrade.
enum Upgraded {
    /// It was told, then.
    Told(StopOrder, Instant),
    /// It was not, for as long as the drain and its deadline took.
    Untold,
}

#[tokio::test(start_paused = true)]
async fn no_upgrade_is_missed_by_a_drain_that_starts_meanwhile() {
    for seed in 0..10_000 {
        race(seed).await;
    }
}

async fn race(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let registry = Registry::new(rng.usize(1..4));
    let drained = Incarnation(1);
    let tunnels: Vec<_> = (0..rng.usize(1..6))
        .map(|_| {
            let route = Incarnation(rng.u64(1..3));
            (route, tokio::spawn(upgrade(Arc::clone(&registry), route, rng.fork())))
        })
        .collect();
    sleep(Duration::from_millis(rng.u64(..RACE))).await;
    let order = POLICY.order(Cause::Reload);
    let standing = StandingOrder { scope: Scope::Route(drained), order: order.clone(), while_alive: None };
    let drain = Drain::begin(&registry, [standing], order.clone(), &POLICY);
    registry.check_invariants();
    let found = drain.len();
    let report = timeout(WINDOW.deadline * 2, drain.run(&TakeBack::default(), |_| ())).await.expect("the drain ends");
    assert_eq!((report.tunnels, report.cut), (found, 0), "seed {seed}");
    for (route, tunnel) in tunnels {
        match tunnel.await.unwrap() {
            Upgraded::Told(told, at) => {
                assert_eq!((route, told), (drained, order.clone()), "seed {seed}: told without a reason");
                assert!(at < order.deadline, "seed {seed}: told too late");
            }
            Upgraded::Untold => assert_ne!(route, drained, "seed {seed}: missed"),
        }
    }
    assert!(registry.is_empty(), "seed {seed}");
}

/// An upgrade that takes a while, and then a tunnel that ends when it is told.
async fn upgrade(registry: Arc<Registry>, route: Incarnation, mut rng: Rng) -> Upgraded {
    for _ in 0..rng.u8(..4) {
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_millis(rng.u64(..RACE))).await;
    let registration = registry.register(rng.usize(..8), member(route), LOCAL_CLIENT);
    registry.check_invariants();
    for _ in 0..rng.u8(..4) {
        tokio::task::yield_now().await;
    }
    match timeout(WINDOW.deadline, told(&registration)).await {
        Ok(order) => {
            registry.check_invariants();
            // A closing handshake takes time too.
            sleep(Duration::from_millis(rng.u64(..100))).await;
            Upgraded::Told(order, Instant::now())
        }
        Err(_) => Upgraded::Untold,
    }
}

async fn told(registration: &Registration) -> StopOrder {
    std::future::poll_fn(|cx| {
        registration.listen(cx.waker());
        registration.handle().order().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

fn member(route: Incarnation) -> Member {
    Member {
        listener: ("public".into(), Incarnation(1)),
        route: ("chat".into(), route),
        upstream: ("chat".into(), Incarnation(3)),
        endpoint: ("a".into(), Incarnation(4)),
    }
}
