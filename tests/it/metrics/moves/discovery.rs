//! Metrics of the sources that name endpoints.

use std::fs;

use crate::discovery::site::{Site, until_served};
use crate::metrics::scraped::{Scraped, until_at};

#[tokio::test]
async fn metrics_of_a_source_move_when_it_fails_and_when_what_it_names_is_refused() {
    let site = Site::new("{ file = \"endpoints.json\" }", "").await;
    site.name(&["a"]);
    let windlass = site.start().ready().await;
    until_served(&windlass, &["a eligible"]).await;
    let source = windlass.status().await["upstreams"][0]["source"]["source"].as_str().unwrap().to_owned();
    let of_chat = format!("{{upstream=\"chat\",source=\"{source}\"}}");
    let age = format!("windlass_discovery_age_seconds{of_chat}");
    let failures = format!("windlass_discovery_failures_total{of_chat}");
    let refused = format!("windlass_discovery_refused_sets_total{of_chat}");
    let well = Scraped::of(&windlass).await;
    assert_eq!((well.at(&failures), well.at(&refused)), (0.0, 0.0));

    site.replace("{\"endpoints\": [\"127.0.0.1:1\", \"127.0.0.1:1\"]}");
    until_at(&windlass, &refused, |it| it >= 1.0).await;
    assert_eq!(Scraped::of(&windlass).await.at(&failures), 0.0, "it has answered");

    fs::remove_file(site.folder.path("endpoints.json")).unwrap();
    until_at(&windlass, &failures, |it| it >= 1.0).await;
    let before = Scraped::of(&windlass).await.at(&refused);
    let old = until_at(&windlass, &age, |it| it >= 2.0).await;
    assert_eq!(Scraped::of(&windlass).await.at(&refused), before, "nothing was named that could be refused");

    site.name(&["a"]);
    until_at(&windlass, &age, |it| it < old).await;
    until_served(&windlass, &["a eligible"]).await;
}
