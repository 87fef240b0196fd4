//! Metrics of what is served and what ends: reloads, readiness, drains.

use rustix::process::Signal;

use crate::metrics::scraped::{Scraped, until_at};
use crate::operate::metrics::scrape;
use crate::rig::{Config, Endpoint, Frame, Handshake, Program, Wire, assert_carries, until_async};

#[tokio::test]
async fn metrics_of_reloads_endpoints_and_keys_move_in_the_program() {
    let endpoint = Endpoint::listen().await;
    let keys = format!("{{ keys = \"http://{}/keys\" }}", Endpoint::nobody());
    let config = Config::chat([endpoint.address()])
        .with("route.staff.path", "\"/staff\"")
        .with("route.staff.upstream", "\"chat\"")
        .with("route.staff.jwt", &keys)
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let at = async |series: &str| {
        let text = scrape(&windlass).await;
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse::<f64>().ok());
        found.unwrap_or_else(|| panic!("{series} is missing from\n{text}"))
    };
    assert_eq!(at("windlass_reload_last_successful").await, 1.0);
    let began = at("windlass_reload_last_success_timestamp_seconds").await;
    assert_eq!(began, at("windlass_counting_since_seconds").await);
    let fetches = r#"windlass_key_fetches_total{route="staff",result="failed"}"#;
    until_async("a fetch of keys has failed", async || at(fetches).await >= 1.0).await;

    let load = r#"windlass_endpoint_load{upstream="chat",endpoint="a"}"#;
    assert_eq!(at(load).await, 0.0);
    let mut client = Wire::connect(windlass.address()).await;
    client.send(Handshake::new().bytes()).await;
    let mut at_endpoint = endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(at(load).await, 1.0);
    assert_carries(&mut client, &mut at_endpoint).await;

    windlass.folder().configure("nonsense = 1");
    assert_eq!(
        windlass
            .ask(&["reload", "--admin", &format!("unix:{}", windlass.folder().socket().display())])
            .await
            .status
            .code(),
        Some(1)
    );
    assert_eq!(at("windlass_reload_last_successful").await, 0.0);
    assert!(at("windlass_reload_last_timestamp_seconds").await >= began);
    assert_eq!(at(r#"windlass_reloads_total{result="refused"}"#).await, 1.0);
}

#[tokio::test]
async fn metric_config_generation_moves_with_each_publishing_and_with_no_other_reload() {
    const GENERATION: &str = "windlass_config_generation";
    let config = Config::chat([Endpoint::nobody()]).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    assert_eq!(Scraped::of(&windlass).await.at(GENERATION), 1.0);
    let reloaded = async |config: &Config| {
        windlass.write(config);
        let succeeds = windlass.ask(&["reload"]).await.status.success();
        (succeeds, Scraped::of(&windlass).await.at(GENERATION))
    };
    assert_eq!(reloaded(&config).await, (true, 1.0), "nothing has changed");
    assert_eq!(reloaded(&config.clone().with("route.chat.path", "\"/chat\"")).await, (true, 2.0));
    let nonsense = config.clone().with("route.chat.upstream", "\"nobody\"");
    windlass.write(&nonsense);
    let admin = format!("unix:{}", windlass.folder().socket().display());
    assert!(!windlass.ask(&["reload", "--admin", &admin]).await.status.success());
    assert_eq!(Scraped::of(&windlass).await.at(GENERATION), 2.0, "what is refused is not served");
    assert_eq!(reloaded(&config).await, (true, 3.0));
}

#[tokio::test]
async fn metrics_of_drains_tell_how_far_each_one_is_and_go_with_it() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("route.chat.websocket.closing_timeout", "\"1h\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let (mut answers, mut at_endpoint) = windlass.tunnel(&endpoint).await;
    let (mut silent, at_other) = windlass.tunnel(&endpoint).await;
    let nothing = Scraped::nothing();
    let tunnels = async || Scraped::of(&windlass).await.moved_since(&nothing, "windlass_drain_tunnels");
    let ends_in = async || Scraped::of(&windlass).await.moved_since(&nothing, "windlass_drain_ends_in_seconds");
    assert_eq!((tunnels().await, ends_in().await), (vec![], vec![]));

    let drain = ["drain", "route/chat", "--spread", "1ms", "--deadline", "2min", "--detach"];
    assert!(windlass.ask(&drain).await.status.success());
    for client in [&mut answers, &mut silent] {
        assert_eq!(client.frame().await.close_code(), Some(1012));
    }
    let state = |state: &str, count: f64| {
        (format!("{{drain=\"1\",cause=\"operator\",scope=\"route/chat\",state=\"{state}\"}}"), count)
    };
    until_async("both are told", async || tunnels().await == [state("left", 2.0), state("told", 2.0)]).await;
    let ends = ends_in().await;
    let [(labels, seconds)] = &ends[..] else { panic!("{ends:?}") };
    assert_eq!(labels, r#"{drain="1",cause="operator",scope="route/chat"}"#);
    assert!((60.0..=120.0).contains(seconds), "{seconds}");

    answers.send(Frame::close(1012, "").by_client()).await;
    assert_eq!(at_endpoint.frame().await.close_code(), Some(1001));
    at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
    drop((answers, at_endpoint));
    let one_left = [state("closed", 1.0), state("left", 1.0), state("told", 2.0)];
    until_async("one is gone and one is left", async || tunnels().await == one_left).await;
    until_async("its end comes nearer", async || ends_in().await[0].1 < *seconds).await;

    drop((silent, at_other));
    until_async("it is over", async || tunnels().await.is_empty() && ends_in().await.is_empty()).await;
}

#[tokio::test]
async fn metric_ready_falls_when_the_proxy_is_told_to_stop() {
    const READY: &str = "windlass_ready";
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .with("drain.stop.deadline", "\"1min\"")
        .with("drain.stop.spread", "\"1ms\"")
        .with("route.chat.websocket.closing_timeout", "\"1h\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let (mut client, _at_endpoint) = windlass.tunnel(&endpoint).await;
    assert_eq!(Scraped::of(&windlass).await.at(READY), 1.0);
    windlass.signal(Signal::TERM);
    until_at(&windlass, READY, |it| it == 0.0).await;
    assert_eq!(client.frame().await.close_code(), Some(1012));
    let stop = r#"windlass_drain_tunnels{drain="1",cause="stop",scope="all",state="left"}"#;
    assert_eq!(Scraped::of(&windlass).await.at(stop), 1.0);
}
