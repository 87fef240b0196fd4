//! Two versions side by side: who comes to which, and stays there.

use std::collections::BTreeMap;

use super::site::{Site, user};
use crate::rig::{Config, Handshake, Proxy};

/// A route whose clients are shared by two upstreams, `blue` with endpoint `a` of the site and `green` with `b`.
fn shared(site: &Site, weights: (u32, u32)) -> Config {
    let config = site.sticky_on("[\"header:x-user\"]").without("upstream.chat").without("route.chat");
    let [a, b] = site.addresses();
    let config = weighted(config, weights).endpoints("blue", [a]).endpoints("green", [b]);
    ["blue", "green"]
        .iter()
        .fold(config, |config, upstream| config.with(&format!("upstream.{upstream}.sticky_on"), "[\"header:x-user\"]"))
}

fn weighted(config: Config, (blue, green): (u32, u32)) -> Config {
    let split = format!("[{{ upstream = \"blue\", weight = {blue} }}, {{ upstream = \"green\", weight = {green} }}]");
    config.with("route.chat.split", &split)
}

/// Where each of these users comes to.
async fn placed(site: &Site, proxy: &Proxy) -> BTreeMap<u32, char> {
    let mut placed = BTreeMap::new();
    for name in 0..40 {
        placed.insert(name, site.place(proxy, &user(name)).await.at);
    }
    placed
}

#[tokio::test]
async fn the_key_decides_the_version_for_upgrades_and_polls_alike() {
    let site = Site::open().await;
    let proxy = Proxy::serving(&shared(&site, (3, 1)));
    let first = placed(&site, &proxy).await;
    let green = first.values().filter(|at| **at == 'b').count();
    assert!((1..20).contains(&green), "{green} of 40");
    assert_eq!(placed(&site, &proxy).await, first);
    for (name, at) in first.iter().take(8) {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\nx-user: {name}\r\n\r\n");
        assert_eq!(site.asked(&proxy, &request).await, *at, "user {name}");
    }
}

#[tokio::test]
async fn a_change_of_weights_moves_users_one_way_and_closes_nothing() {
    let site = Site::open().await;
    let mut proxy = Proxy::serving(&shared(&site, (3, 1)));
    let before = placed(&site, &proxy).await;
    let held = site.place(&proxy, &user(before.iter().find(|(_, at)| **at == 'a').unwrap().0)).await;
    proxy.reload(&shared(&site, (1, 1))).unwrap();
    let after = placed(&site, &proxy).await;
    for (name, at) in &before {
        assert!(after[name] == *at || *at == 'a', "user {name} went back to blue");
    }
    assert_ne!(before, after);
    let reloaded = proxy.reload(&shared(&site, (0, 1))).unwrap();
    assert_eq!(reloaded.draining, 0);
    assert!(placed(&site, &proxy).await.values().all(|at| *at == 'b'));
    held.carries().await;
}

#[tokio::test]
async fn a_cookie_keeps_a_client_at_its_version_until_that_takes_nobody() {
    let site = Site::open().await;
    let pinned = |weights| {
        ["blue", "green"].iter().fold(shared(&site, weights), |config, upstream| {
            config.with(&format!("upstream.{upstream}.pin_cookie"), "\"pin\"")
        })
    };
    let mut proxy = Proxy::serving(&pinned((1, 0)));
    let first = site.place(&proxy, &user(1)).await;
    assert_eq!(first.at, 'a');
    let again = user(1).with("cookie", first.cookie());
    proxy.reload(&pinned((1, 1000))).unwrap();
    assert_eq!(site.place(&proxy, &again).await.at, 'a');
    assert_eq!(site.place(&proxy, &user(1)).await.at, 'b', "without its cookie");
    proxy.reload(&pinned((0, 1))).unwrap();
    assert_eq!(site.place(&proxy, &again).await.at, 'b');
}

#[tokio::test]
async fn who_has_no_key_comes_to_either() {
    let site = Site::open().await;
    let proxy = Proxy::serving(&shared(&site, (1, 1)));
    let mut found = BTreeMap::new();
    while found.len() < 2 {
        *found.entry(site.place(&proxy, &Handshake::new()).await.at).or_insert(0) += 1;
        assert!(found.values().sum::<u32>() < 100, "{found:?}");
    }
}
