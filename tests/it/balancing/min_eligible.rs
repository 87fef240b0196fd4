//! `min_eligible`: how many endpoints are left to requests, whatever becomes of those.

use windlass::snapshot::EndpointState;

use super::site::{BY_USER, Site};

#[tokio::test]
async fn of_two_that_are_sick_no_more_are_ejected_than_leaves_min_eligible() {
    for (min_eligible, ejected) in [("1", 2), ("2", 1)] {
        let keys = [BY_USER, ("eject", "{ after = 1, first = \"1min\" }"), ("min_eligible", min_eligible)];
        let mut site = Site::of(&["a", "b", "c"], &keys).await;
        site.endpoint("a").falls_ill();
        site.endpoint("b").falls_ill();

        for user in 0..24 {
            assert_eq!(site.opens_as(user).await.at, "c");
        }

        assert_eq!(site.in_state(EndpointState::EJECTED).len(), ejected, "min_eligible = {min_eligible}");
        assert_eq!(site.in_state(EndpointState::ELIGIBLE).len(), 3 - ejected, "min_eligible = {min_eligible}");
    }
}
