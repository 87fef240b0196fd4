//! What endpoints are down over a reload and over a handoff.

use serde_json::Value;

use super::site::{PROBED, Site};
use crate::operate::peers::endpoint;
use crate::rig::{Endpoint, Program, until_async};

#[tokio::test]
async fn an_endpoint_stays_down_over_a_reload_unless_it_is_probed_no_more() {
    let mut site = Site::probed().await;
    site.a.falls_ill();
    site.is_down("a").await;
    let heavier = site.config.clone().with("upstream.chat.connect_timeout", "\"3s\"");
    site.proxy.reload(&heavier).unwrap();
    assert!(site.state("a").is_down());
    let slower = PROBED.replace("every = \"2s\"", "every = \"1h\"");
    site.proxy.reload(&heavier.clone().with("upstream.chat.health", &slower)).unwrap();
    assert!(site.state("a").is_down(), "probed in another way, it has to prove that it is well");
    site.proxy.reload(&heavier.with("upstream.chat.health", "\"off\"")).unwrap();
    assert!(site.state("a").is_eligible());
}

#[tokio::test]
async fn the_process_that_takes_over_knows_what_is_down_since_when_and_why() {
    let (gone, there) = (Endpoint::nobody(), endpoint("there").await);
    let config = format!(
        r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
sticky_on = ["query:k"]
endpoints = [{{ name = "gone", address = "{gone}" }}, {{ name = "there", address = "{there}" }}]
health = {{ probe = "tcp", every = "1h" }}
[admin]
listen = "ADMIN"
"#
    );
    let windlass = Program::start(&config).await;
    let state = async || windlass.status().await["upstreams"][0]["endpoints"][0].clone();
    until_async("the endpoint to be down", async || {
        for key in 0..8 {
            windlass.client(&key.to_string()).await.unwrap();
        }
        state().await["state"] == "down"
    })
    .await;
    let before = state().await;
    let _successor = windlass.hand_off().await;
    let after = state().await;
    assert_eq!(after["state"], "down");
    let [before, after] = [before, after].map(|it| it["causes"][0].clone());
    assert_eq!((&after["cause"], &after["why"]), (&"down".into(), &"connection refused".into()));
    let since = |cause: &Value| cause["since"].as_u64().unwrap();
    assert!(since(&before).abs_diff(since(&after)) <= 2, "{before} {after}");
    for key in 0..8 {
        assert_eq!(windlass.client(&key.to_string()).await.unwrap().endpoint, "there");
    }
}
