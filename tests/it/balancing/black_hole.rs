//! An endpoint behind a cable that is pulled: it refuses nothing and ends nothing, and whatever is sent to it is lost.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::granting::GrantingEndpoint;
use super::site::{BY_USER, Site, Tunnel};
use crate::rig::{Cable, Frame};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);
/// What nobody needs who waits for no timeout, and who waits for one exceeds.
const AT_ONCE: Duration = Duration::from_millis(400);

/// `a` at the far end of the cable, and `b` on this machine.
async fn behind(cable: &Cable, keys: &[(&str, &str)]) -> Site {
    let a = GrantingEndpoint::listening("a", cable.listen().await);
    Site::before(vec![a, GrantingEndpoint::start("b").await], &[&[BY_USER], keys].concat(), |_| "")
}

impl Site {
    /// So many users whom the hash places on `a`, and their tunnels there.
    async fn users_on_a(&self, count: usize) -> Vec<(usize, Tunnel)> {
        let mut found = Vec::new();
        for user in 0.. {
            let tunnel = self.opens_as(user).await;
            if tunnel.at == "a" {
                found.push((user, tunnel));
            }
            if found.len() == count {
                break;
            }
        }
        found
    }

    /// How long a user of `a` waits until `b` serves him.
    async fn waits_for_b(&self, user: usize) -> Duration {
        let asked = Instant::now();
        assert_eq!(self.opens_as(user).await.at, "b");
        asked.elapsed()
    }
}

#[tokio::test]
#[ignore = "one must be root"]
async fn a_black_hole_is_noticed_by_probes_and_its_clients_are_told() {
    const EVERY: Duration = Duration::from_millis(500);
    const TIMEOUT: Duration = Duration::from_millis(300);
    const FALL: u32 = 2;
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
    let cable = Cable::laid();
    let health = "{ probe = \"tcp\", every = \"500ms\", timeout = \"300ms\", fall = 2 }";
    let site = behind(&cable, &[("health", health), ("on_down", "\"close\"")]).await;
    let mut on_a = site.users_on_a(16).await;
    let users: Vec<_> = on_a.iter().map(|(user, _)| *user).collect();

    let pulled = Instant::now();
    cable.pull();
    let told = join_all(on_a.iter_mut().map(async |(_, tunnel)| {
        assert_eq!(tunnel.client.frame().await, Frame::close(1012, "endpoint down"));
        pulled.elapsed()
    }));
    // Those who come before anybody knows wait for a connection, and no longer.
    let first = join_all(users[..4].iter().map(|user| site.waits_for_b(*user)));
    let (told, first) = tokio::join!(
        async {
            let told = told.await;
            let mut newcomers = Vec::new();
            for user in &users {
                newcomers.push(site.waits_for_b(*user).await);
            }
            (told, newcomers)
        },
        first
    );
    let (told, newcomers) = told;

    println!("told of the Close after {told:.2?}");
    println!("who came with the failure waited for {first:.2?}, and who came after the Close for {newcomers:.2?}");
    assert!(told.iter().all(|told| *told <= EVERY * FALL + Duration::from_secs(1) + SLACK), "{told:?}");
    assert!(told.iter().all(|told| *told >= TIMEOUT), "before a probe could fail: {told:?}");
    assert!(first.iter().all(|waited| *waited <= CONNECT_TIMEOUT + SLACK), "{first:?}");
    assert!(newcomers.iter().all(|waited| *waited < AT_ONCE), "{newcomers:?}");
}

#[tokio::test]
#[ignore = "one must be root"]
async fn a_black_hole_is_noticed_by_three_requests_and_the_next_one_does_not_wait() {
    const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
    let cable = Cable::laid();
    let site = behind(&cable, &[("connect_timeout", "\"500ms\"")]).await;
    let users: Vec<_> = site.users_on_a(16).await.into_iter().map(|(user, _)| user).collect();
    site.proxy.is_empty().await;

    let pulled = Instant::now();
    cable.pull();
    let mut waited = Vec::new();
    for user in &users[..3] {
        waited.push(site.waits_for_b(*user).await);
    }
    let elsewhere = pulled.elapsed();
    let mut others = Vec::new();
    for user in &users[3..] {
        others.push(site.waits_for_b(*user).await);
    }

    println!("elsewhere at once after {elsewhere:.2?}: three handshakes waited for {waited:.2?}, then {others:.2?}");
    let is_one_timeout = |waited: &Duration| (CONNECT_TIMEOUT..=CONNECT_TIMEOUT + SLACK).contains(waited);
    assert!(waited.iter().all(is_one_timeout), "{waited:?}");
    assert!(others.iter().all(|waited| *waited < AT_ONCE), "{others:?}");
}
