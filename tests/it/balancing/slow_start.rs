//! `slow_start`: an endpoint that comes, or comes back, gets its share of the keys little by little.

use windlass::snapshot::EndpointEvent;

use super::site::{BY_USER, Site, count};

const USERS: usize = 120;
/// So slow that a test sees only its beginning.
const SLOW: (&str, &str) = ("slow_start", "\"10h\"");

#[tokio::test]
async fn an_endpoint_that_a_reload_adds_gets_few_of_the_keys_at_first_and_its_share_of_them_later() {
    let mut site = Site::of(&["a", "b"], &[BY_USER, SLOW]).await;
    let alone = site.places(USERS).await;
    let counts = count(&alone);
    assert!(counts["a"].abs_diff(counts["b"]) < 40, "at the start all are new, and none of them is slow: {counts:?}");

    site.is_joined_by("c").await;
    let at_first = site.places(USERS).await;
    site.change("slow_start", "\"off\"");
    let later = site.places(USERS).await;

    let on_c = [&at_first, &later].map(|places| places.iter().filter(|at| *at == "c").count());
    assert!(on_c[0] <= 3, "{on_c:?}");
    assert!((25..=55).contains(&on_c[1]), "a third is its share: {on_c:?}");
    for ((alone, at_first), later) in alone.iter().zip(&at_first).zip(&later) {
        assert!([at_first, later].into_iter().all(|at| at == alone || at == "c"), "{alone} {at_first} {later}");
    }
}

#[tokio::test]
async fn an_endpoint_that_comes_back_gets_few_of_its_keys_at_first_and_all_of_them_later() {
    let mut site = Site::of(&["a", "b", "c"], &[BY_USER, SLOW]).await;
    let before = site.places(USERS).await;
    assert!(count(&before)["a"] >= 25, "{:?}", count(&before));

    site.target("a").transition(EndpointEvent::Drained);
    site.target("a").transition(EndpointEvent::TakenBack);

    let at_first = site.places(USERS).await.into_iter().filter(|at| at == "a").count();
    assert!(at_first <= 3, "{at_first}");
    site.change("slow_start", "\"off\"");
    assert_eq!(site.places(USERS).await, before);
}
