//! `backup = true`: an endpoint that serves only while no other can.

use windlass::snapshot::EndpointEvent;

use super::granting::GrantingEndpoint;
use super::site::{BY_USER, Site, count};

const USERS: usize = 24;

/// Two endpoints and `c`, their backup.
async fn with_a_backup() -> Site {
    let mut endpoints = Vec::new();
    for name in ["a", "b", "c"] {
        endpoints.push(GrantingEndpoint::start(name).await);
    }
    // Nothing but what a request finds now decides.
    let keys = [BY_USER, ("eject", "\"off\"")];
    Site::before(endpoints, &keys, |name| if name == "c" { ", backup = true" } else { "" })
}

impl Site {
    /// Everybody who comes now is on these, and each of them has somebody.
    async fn serves_with(&self, names: &[&str]) {
        let counts = count(&self.places(USERS).await);
        assert!(counts.keys().eq(names), "{counts:?}");
    }
}

#[tokio::test]
async fn a_backup_serves_everybody_once_the_others_are_gone_and_nobody_new_when_one_is_back() {
    let mut site = with_a_backup().await;
    site.serves_with(&["a", "b"]).await;
    site.endpoint("a").goes().await;
    site.serves_with(&["b"]).await;

    site.endpoint("b").goes().await;
    site.serves_with(&["c"]).await;
    let mut who_came_meanwhile = site.opens_as(0).await;

    site.endpoint("a").comes_back().await;
    site.serves_with(&["a"]).await;
    site.endpoint("b").comes_back().await;
    site.serves_with(&["a", "b"]).await;
    who_came_meanwhile.client.has_nothing();
    assert_eq!(site.target("c").tunnels(), 1, "who came meanwhile stays");
}

#[tokio::test]
async fn a_backup_serves_while_an_operator_drains_all_others() {
    let site = with_a_backup().await;
    site.target("a").transition(EndpointEvent::Drained);
    site.serves_with(&["b"]).await;
    site.target("b").transition(EndpointEvent::Drained);
    site.serves_with(&["c"]).await;
    site.target("b").transition(EndpointEvent::TakenBack);
    site.serves_with(&["b"]).await;
}
