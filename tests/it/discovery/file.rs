//! A file that changes while clients talk.

use std::fs;
use std::os::unix::fs::symlink;

use crate::discovery::site::{Site, clients, until_served};
use crate::operate::peers::Client;

const SOURCE: &str = "{ file = \"endpoints.json\" }";

#[tokio::test]
async fn only_the_clients_of_who_leaves_are_told() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a", "b"]);
    let windlass = site.start().ready().await;
    let clients = clients(&windlass, 16).await;
    let (of_a, of_b): (Vec<_>, Vec<_>) = clients.into_iter().partition(|client| client.endpoint == "a");
    assert!(!of_a.is_empty() && !of_b.is_empty());

    site.name(&["b", "c"]);

    for client in of_a {
        let (code, reason) = Client::closed(client).await;
        assert_eq!((code, reason.as_str()), (1012, "endpoint leaves"));
    }
    until_served(&windlass, &["b eligible", "c eligible"]).await;
    for mut client in of_b {
        client.assert_open().await;
    }
    let mut placed = Vec::new();
    for key in 0..16 {
        placed.push(windlass.client(&key.to_string()).await.unwrap().endpoint);
    }
    assert!(placed.iter().any(|name| name == "c") && placed.iter().all(|name| name != "a"), "{placed:?}");
    let log = site.folder.log();
    for said in [
        "\"change\":\"endpoint a of upstream chat is leaving\"",
        "\"change\":\"endpoint c of upstream chat added\"",
        "\"change\":\"endpoint a of upstream chat removed\"",
        "\"source\":\"file ",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert_eq!(windlass.status().await["generation"], 1, "it is the same configuration");
}

#[tokio::test]
async fn one_that_returns_is_taken_back_and_keeps_who_was_not_told() {
    let site = Site::new(SOURCE, "").await;
    let slow = site.folder.path("windlass.toml");
    let text = fs::read_to_string(&slow).unwrap().replace(
        "[drain.discovery]\ndeadline = \"5s\"\nspread = \"1s\"",
        "[drain.discovery]\ndeadline = \"5min\"\nspread = \"2min\"\n[drain]\nmax_per_second = 1",
    );
    fs::write(&slow, text).unwrap();
    site.name(&["a"]);
    let windlass = site.start().ready().await;
    let clients = clients(&windlass, 40).await;
    site.name(&["a:leaving", "b"]);
    until_served(&windlass, &["a leaving", "b eligible"]).await;
    assert_eq!(windlass.client("somebody").await.unwrap().endpoint, "b");

    site.name(&["a", "b"]);

    until_served(&windlass, &["a eligible", "b eligible"]).await;
    site.folder.until_logged(&["drain was taken back", "\"cause\":\"discovery\""]).await;
    site.folder.until_logged(&["endpoint a of upstream chat is back"]).await;
    let left = windlass.status().await["tunnels"].as_u64().unwrap();
    assert!(left >= 20, "{left} of 40 are left");
    drop(clients);
}

#[tokio::test]
async fn a_file_that_is_wrong_changes_nothing_and_is_told_of_once() {
    let site = Site::new("{ file = \"endpoints.json\", min_endpoints = 2 }", "").await;
    site.name(&["a", "b"]);
    let windlass = site.start().ready().await;
    let mut clients = clients(&windlass, 8).await;
    let before = windlass.status().await["upstreams"][0]["endpoints"].clone();
    for (text, said) in [
        ("{\"endpoints\": [\"127.0.0.1:1\"", "line 1, column 28: EOF"),
        ("{\"endpoints\": [\"127.0.0.1:1\", \"127.0.0.1:1\"]}", "two endpoints are called 127.0.0.1:1"),
        ("{\"endpoints\": [\"127.0.0.1:1\"]}", "1 endpoint would be left, fewer than min_endpoints = 2"),
        ("{\"endpoints\": [\"127.0.0.1:1\", 7]}", "invalid type: integer `7`"),
    ] {
        site.replace(text);
        site.folder.until_logged(&["is refused, and it keeps the endpoints that it has", said]).await;
    }
    fs::remove_file(site.folder.path("endpoints.json")).unwrap();
    let status = windlass.status().await;
    assert_eq!(status["upstreams"][0]["endpoints"], before);
    let source = &status["upstreams"][0]["source"];
    assert!(source["refused"].as_u64().unwrap() >= 4, "{source}");
    assert!(source["problem"].is_string(), "{source}");

    site.name(&["b", "a"]);

    site.folder.until_logged(&["its source answers again", "\"failures\":"]).await;
    for client in &mut clients {
        client.assert_open().await;
    }
    let log = site.folder.log();
    assert_eq!(log.matches("fewer than min_endpoints").count(), 1, "{log}");
    assert!(!log.contains("endpoints have changed"), "{log}");
}

#[tokio::test]
async fn a_config_map_that_is_swapped_is_seen() {
    let site = Site::new(SOURCE, "").await;
    let folder = site.folder.root().to_owned();
    // As the kubelet does: into a folder of its own, and then one link is swapped.
    let swap = |version: &str, endpoints: &[&str]| {
        site.name(endpoints);
        fs::create_dir(folder.join(version)).unwrap();
        fs::rename(folder.join("endpoints.json"), folder.join(version).join("endpoints.json")).unwrap();
        symlink(version, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    swap("..first", &["a"]);
    fs::create_dir(folder.join("map")).unwrap();
    symlink("../..data/endpoints.json", folder.join("map/endpoints.json")).unwrap();
    let text = fs::read_to_string(site.folder.config()).unwrap().replace("endpoints.json", "map/endpoints.json");
    fs::write(site.folder.config(), text).unwrap();
    let windlass = site.start().ready().await;
    until_served(&windlass, &["a eligible"]).await;
    swap("..second", &["b"]);
    until_served(&windlass, &["b eligible"]).await;
}

#[tokio::test]
async fn a_reload_of_something_else_does_not_touch_the_set() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a", "b"]);
    let windlass = site.start().ready().await;
    let mut clients = clients(&windlass, 8).await;
    let config = fs::read_to_string(site.folder.config()).unwrap();
    site.folder
        .configure(&config.replace("sticky_on = [\"query:k\"]", "sticky_on = [\"query:k\"]\nconnect_timeout = \"3s\""));
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(windlass.status().await["generation"], 2);
    until_served(&windlass, &["a eligible", "b eligible"]).await;
    for client in &mut clients {
        client.assert_open().await;
    }
    site.name(&["a", "b", "c"]);
    until_served(&windlass, &["a eligible", "b eligible", "c eligible"]).await;
    assert_eq!(site.folder.log().matches("its source names").count(), 1, "{}", site.folder.log());
}
