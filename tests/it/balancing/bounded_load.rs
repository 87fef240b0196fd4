//! `bounded_load`: how much of one popular key an endpoint takes.

use super::site::{BY_USER, Site, Tunnel, counts};

/// Somebody whom everybody wants to hear.
const STAR: usize = 7;

fn most(tunnels: &[Tunnel]) -> usize {
    counts(tunnels).into_values().max().unwrap_or_default()
}

#[tokio::test]
async fn one_popular_key_fills_its_endpoint_up_to_the_bound_and_never_above() {
    for (factor, thousandths) in [("1.0", 1_000), ("1.25", 1_250)] {
        let mut site = Site::of(&["a", "b", "c"], &[BY_USER, ("bounded_load", factor)]).await;
        let bound = |open: usize| (thousandths * open).div_ceil(3 * 1_000);
        let mut tunnels = Vec::new();
        for open in 1..=60 {
            tunnels.push(site.opens_as(STAR).await);
            assert!(most(&tunnels) <= bound(open), "{factor}: {:?}", counts(&tunnels));
        }
        let home = tunnels[0].at.clone();
        assert_eq!(counts(&tunnels)[&home], bound(60), "{factor}: {:?}", counts(&tunnels));

        site.change("bounded_load", "\"off\"");

        for _ in 0..6 {
            assert_eq!(site.opens_as(STAR).await.at, home, "{factor}");
        }
    }
}
