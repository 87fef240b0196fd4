//! What a process begins with whose source says nothing.

use std::fs;

use rustix::process::Signal;

use crate::discovery::site::{Site, until_served};
use crate::rig::until_async;

const SOURCE: &str = "{ file = \"endpoints.json\" }";

#[tokio::test]
async fn the_last_good_set_survives_a_restart() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a", "b"]);
    let mut windlass = site.start().ready().await;
    let kept = site.folder.path("state/endpoints-chat.json");
    until_async("the set to be kept", async || kept.exists()).await;
    windlass.signal(Signal::TERM);
    windlass.exit().await;
    fs::write(site.folder.path("endpoints.json"), "{").unwrap();
    fs::write(site.folder.path("log"), "").unwrap();

    let windlass = site.start().ready().await;

    until_served(&windlass, &["a eligible", "b eligible"]).await;
    windlass.client("somebody").await.unwrap().assert_open().await;
    site.folder.until_logged(&["with those that were kept", "EOF"]).await;
    let source = windlass.status().await["upstreams"][0]["source"].clone();
    assert!(source["age_seconds"].is_u64() && source["problem"].as_str().unwrap().contains("EOF"), "{source}");
    site.name(&["c"]);
    until_served(&windlass, &["c eligible"]).await;
}

#[tokio::test]
async fn without_any_set_it_starts_and_says_so_and_goes_on_asking() {
    let site = Site::new(SOURCE, "").await;
    let windlass = site.start().ready().await;
    site.folder.until_logged(&["\"level\":\"ERROR\"", "its source has no endpoints", "cannot be read"]).await;
    assert!(windlass.client("somebody").await.is_err());
    until_served(&windlass, &[]).await;
    site.name(&["a"]);
    until_served(&windlass, &["a eligible"]).await;
    windlass.client("somebody").await.unwrap().assert_open().await;
}

#[tokio::test]
async fn what_was_kept_of_another_source_is_not_used() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a"]);
    let mut windlass = site.start().ready().await;
    let kept = site.folder.path("state/endpoints-chat.json");
    until_async("the set to be kept", async || kept.exists()).await;
    windlass.signal(Signal::TERM);
    windlass.exit().await;
    let config = fs::read_to_string(site.folder.config()).unwrap();
    fs::write(site.folder.config(), config.replace("endpoints.json", "other.json")).unwrap();
    fs::write(site.folder.path("log"), "").unwrap();
    let windlass = site.start().ready().await;
    until_served(&windlass, &[]).await;
}

#[tokio::test]
async fn a_handoff_while_the_source_is_silent_loses_nobody() {
    let site = Site::new(SOURCE, "").await;
    let config = fs::read_to_string(site.folder.config()).unwrap();
    fs::write(site.folder.config(), config.replace("state_folder = \"state\"", "state_folder = \"off\"")).unwrap();
    site.name(&["a", "b"]);
    let windlass = site.start().ready().await;
    until_served(&windlass, &["a eligible", "b eligible"]).await;
    fs::remove_file(site.folder.path("endpoints.json")).unwrap();
    let successor = windlass.hand_off().await;
    until_served(&windlass, &["a eligible", "b eligible"]).await;
    windlass.client("somebody").await.unwrap().assert_open().await;
    drop(successor);
}

#[tokio::test]
async fn a_handoff_goes_on_with_the_set_and_one_process_asks() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a", "b"]);
    let windlass = site.start().ready().await;
    let _successor = windlass.hand_off().await;
    until_served(&windlass, &["a eligible", "b eligible"]).await;
    site.name(&["b"]);
    until_served(&windlass, &["b eligible"]).await;
    let changes = site.folder.log().matches("endpoint a of upstream chat removed").count();
    assert_eq!(changes, 1, "{}", site.folder.log());
}
