//! The policies that go by tunnels, turns and lots.

use super::granting::GrantingEndpoint;
use super::site::{BY_USER, Site, Tunnel, counts};

/// A third endpoint that is heavier than the other two, by this much more in its table.
async fn with_a_heavier_c(policy: &str, more: &'static str) -> Site {
    let mut endpoints = Vec::new();
    for name in ["a", "b", "c"] {
        endpoints.push(GrantingEndpoint::start(name).await);
    }
    Site::before(endpoints, &[("policy", policy)], |name| if name == "c" { more } else { "" })
}

/// Of these, each of so many endpoints has about its share: lots alone would hardly come to that.
fn assert_even(tunnels: &[Tunnel], endpoints: usize) {
    let (counts, share) = (counts(tunnels), tunnels.len() / endpoints);
    let are_even = counts.values().all(|count| count.abs_diff(share) <= 6);
    assert!(counts.len() == endpoints && are_even, "{counts:?}");
}

/// Where they are, in their order.
fn order(tunnels: &[Tunnel]) -> String {
    tunnels.iter().map(|tunnel| tunnel.at.as_str()).collect()
}

#[tokio::test]
async fn under_least_tunnels_they_even_out_and_an_endpoint_that_a_reload_adds_catches_up() {
    let mut site = Site::of(&["a", "b", "c"], &[("policy", "\"least_tunnels\"")]).await;
    let mut tunnels = site.opens_many(60).await;
    assert_even(&tunnels, 3);

    site.is_joined_by("d").await;

    // If those of before did not count any more, all four would get as many of these.
    tunnels.extend(site.opens_many(140).await);
    assert_even(&tunnels, 4);
}

#[tokio::test]
async fn under_round_robin_each_has_its_turn_and_a_heavier_one_more_often() {
    let site = with_a_heavier_c("\"round_robin\"", ", weight = 2").await;
    assert_eq!(order(&site.opens_many(12).await), "abccabccabcc");
}

#[tokio::test]
async fn under_round_robin_nothing_is_made_up_for_to_an_endpoint_that_a_reload_adds() {
    let mut site = Site::of(&["a", "b", "c"], &[("policy", "\"round_robin\"")]).await;
    assert_eq!(order(&site.opens_many(6).await), "abcabc");

    site.is_joined_by("d").await;

    assert_eq!(order(&site.opens_many(9).await), "dabcdabcd");
}

#[tokio::test]
async fn under_random_each_is_used_by_its_weight_and_in_no_order() {
    let site = with_a_heavier_c("\"random\"", ", weight = 4").await;
    let tunnels = site.opens_many(120).await;
    let counts = counts(&tunnels);
    assert_eq!(counts.len(), 3, "{counts:?}");
    assert!((55..=105).contains(&counts["c"]), "of 120 two thirds are its share: {counts:?}");
    let has_its_turns = |six: &[Tunnel]| six.iter().filter(|tunnel| tunnel.at == "c").count() == 4;
    assert!(!tunnels.chunks(6).all(has_its_turns), "{}", order(&tunnels));
}

#[tokio::test]
async fn under_sticky_who_has_no_key_is_placed_by_least_tunnels_and_who_has_one_by_that() {
    let site = Site::of(&["a", "b", "c"], &[BY_USER]).await;
    let tunnels = site.opens_many(60).await;
    assert_even(&tunnels, 3);
    let mut of_one_user = Vec::new();
    for _ in 0..8 {
        of_one_user.push(site.opens_as(7).await);
    }
    assert_eq!(counts(&of_one_user).len(), 1);
}
