//! `shards`: how many endpoints one key reaches.

use windlass::snapshot::EndpointEvent;

use super::site::{BY_USER, Site, counts};

/// Somebody whose requests may break whatever reads them.
const SOMEBODY: usize = 7;

#[tokio::test]
async fn a_key_whose_endpoints_are_gone_is_refused_while_a_third_serves() {
    for shards in [1, 2] {
        let mut site = Site::of(&["a", "b", "c"], &[BY_USER, ("shards", &shards.to_string())]).await;
        let mut reached = Vec::new();
        for _ in 0..shards {
            let at = site.opens_as(SOMEBODY).await.at;
            site.endpoint(&at).goes().await;
            assert!(!reached.contains(&at), "{at} is gone");
            reached.push(at);
        }
        // By the sixth they are ejected, which changes nothing for who may go nowhere else.
        for _ in 0..6 {
            let status = site.status_for(SOMEBODY).await;
            assert!([502, 503].contains(&status), "{status} from none of {reached:?}");
        }

        site.change("shards", "\"off\"");

        let at = site.opens_as(SOMEBODY).await.at;
        assert!(!reached.contains(&at), "{at} is not gone");
    }
}

#[tokio::test]
async fn a_popular_key_stays_within_its_two_also_while_one_of_them_is_gone() {
    let keys = [BY_USER, ("shards", "2"), ("bounded_load", "1.0"), ("eject", "\"off\"")];
    let mut site = Site::of(&["a", "b", "c"], &keys).await;
    let mut tunnels = Vec::new();
    for _ in 0..20 {
        tunnels.push(site.opens_as(SOMEBODY).await);
    }
    let on_two = counts(&tunnels);
    assert!(on_two.len() == 2 && on_two.values().all(|count| *count == 10), "{on_two:?}");
    let (first, second) = (tunnels[0].at.clone(), tunnels[1].at.clone());
    drop(tunnels);
    site.proxy.is_empty().await;

    site.endpoint(&first).goes().await;

    for _ in 0..6 {
        assert_eq!(site.opens_as(SOMEBODY).await.at, second);
    }
    site.endpoint(&second).goes().await;
    site.endpoint(&first).comes_back().await;
    for _ in 0..6 {
        assert_eq!(site.opens_as(SOMEBODY).await.at, first);
    }
}

#[tokio::test]
async fn an_endpoint_that_an_operator_drains_hands_its_keys_to_another() {
    let site = Site::of(&["a", "b", "c"], &[BY_USER, ("shards", "1")]).await;
    let home = site.opens_as(SOMEBODY).await.at;

    site.target(&home).transition(EndpointEvent::Drained);

    let away = site.opens_as(SOMEBODY).await.at;
    assert_ne!(away, home);
    assert_eq!(site.opens_as(SOMEBODY).await.at, away);
}
