//! What operators see of endpoints that go down and come back.

use super::probed::ProbedEndpoint;
use super::site::{PROBED, Site};
use crate::operate::operator::text;
use crate::rig::{Config, Handshake, Program, Proxy, Wire, log, until, until_async};

#[tokio::test]
async fn status_and_metrics_say_since_when_and_why() {
    let (a, b) = (ProbedEndpoint::start().await, ProbedEndpoint::start().await);
    let config =
        Config::chat([a.address(), b.address()]).with("upstream.chat.health", PROBED).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    a.falls_ill();
    let endpoint = async || windlass.status().await["upstreams"][0]["endpoints"][0].clone();
    until_async("the endpoint to be down", async || endpoint().await["state"] == "down").await;
    let cause = &endpoint().await["causes"][0];
    assert_eq!((&cause["cause"], &cause["why"]), (&"down".into(), &"status 503".into()));
    assert!(cause["since"].as_u64().unwrap() > 1_700_000_000, "{cause}");
    assert!(cause["for_seconds"].as_u64().unwrap() < 60, "{cause}");
    let shown = text(&windlass.ask(&["status"]).await);
    let row = shown.lines().find(|line| line.starts_with("chat/a")).unwrap();
    assert!(row.contains("down") && row.contains("for ") && row.ends_with(" s: status 503"), "{shown}");
    let well = shown.lines().find(|line| line.starts_with("chat/b")).unwrap();
    assert!(well.ends_with("eligible"), "{shown}");
    a.recovers();
    until_async("the endpoint to be up", async || endpoint().await["state"] == "eligible").await;
    assert_eq!(endpoint().await["causes"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn the_status_says_that_nobody_is_served_though_the_only_endpoint_stays_eligible() {
    // Nobody listens there any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = Config::chat([gone]).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let shown = text(&windlass.ask(&["status"]).await);
    assert!(!shown.contains("serves"), "nobody has tried: {shown}");
    for _ in 0..4 {
        let mut client = Wire::connect(windlass.address()).await;
        client.send(Handshake::new().bytes()).await;
        assert_eq!(client.head().await.status(), 502);
    }
    let shown = text(&windlass.ask(&["status"]).await);
    let told = "upstream chat serves no upgrades: its only endpoint has failed the last 4 upgrades: ";
    assert!(shown.contains(told) && shown.contains("it is asked all the same, since nothing else is left"), "{shown}");
    let row = shown.lines().find(|line| line.starts_with("chat/a")).unwrap();
    assert!(row.contains("eligible  the last 4 upgrades failed, for ") && row.contains("refused"), "{shown}");
    let listener = tokio::net::TcpListener::bind(gone).await.unwrap();
    let mut client = Wire::connect(windlass.address()).await;
    client.send(b"GET /chat HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
    let mut endpoint = Wire::new(listener.accept().await.unwrap().0);
    endpoint.head().await;
    endpoint.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 200);
    assert!(windlass.status().await["upstreams"][0]["not_served"].as_str().unwrap().starts_with("no upgrades: "));
}

#[tokio::test]
async fn the_status_says_that_nobody_is_served_where_the_only_endpoint_is_down_or_drained() {
    let a = ProbedEndpoint::start().await;
    let config = Config::chat([a.address()])
        .with("upstream.chat.health", PROBED)
        .with("upstream.chat.when_all_down", "\"refuse\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let not_served = async || windlass.status().await["upstreams"][0]["not_served"].clone();
    a.falls_ill();
    let down = "nobody: its only endpoint is down; what it is asked for is refused at once (`when_all_down`)";
    until_async("nobody to be served", async || not_served().await == down).await;
    a.recovers();
    until_async("everybody to be served", async || not_served().await.is_null()).await;
    assert!(windlass.ask(&["drain", "endpoint/chat/a", "--detach"]).await.status.success());
    let drained = "nobody: its only endpoint is drained, or to leave; `windlass undrain` takes a drain back";
    assert_eq!(not_served().await, drained);
}

#[tokio::test]
async fn each_change_has_one_line_with_its_cause() {
    const UPSTREAM: &str = "told-once";
    let mut lines = log::lines();
    let a = ProbedEndpoint::start().await;
    let config = Config::default()
        .with("listener.public.bind", "\"127.0.0.1:0\"")
        .with("route.chat.upstream", &format!("\"{UPSTREAM}\""))
        .endpoints(UPSTREAM, [a.address()])
        .with(&format!("upstream.{UPSTREAM}.health"), PROBED);
    let proxy = Proxy::serving(&config);
    let snapshot = proxy.running.proxy().snapshot();
    let endpoint = &snapshot.upstreams()[UPSTREAM].endpoints()[0];
    a.falls_ill();
    until("one more probe failed", || endpoint.health_counts().probes_failed >= 3).await;
    a.recovers();
    until("the endpoint is up", || endpoint.state().is_eligible()).await;
    let is_ours = |line: &serde_json::Value| line["upstream"] == UPSTREAM && line["level"] != "DEBUG";
    let ours = lines.until(|lines| lines.iter().filter(|line| is_ours(line)).count() >= 2).await;
    let ours: Vec<_> = ours.into_iter().filter(is_ours).collect();
    let said = |line: usize, field: &str| ours[line][field].as_str().unwrap().to_owned();
    assert_eq!(ours.len(), 2, "{ours:#?}");
    assert_eq!([said(0, "level"), said(0, "state"), said(0, "cause")], ["WARN", "down", "status 503"]);
    assert_eq!([said(1, "level"), said(1, "state"), said(1, "was")], ["INFO", "eligible", "status 503"]);
    assert!(ours[1]["for_seconds"].as_u64().unwrap() < 60, "{ours:#?}");
    assert_eq!(said(1, "endpoint"), "a");
}

#[tokio::test]
async fn probes_are_no_tunnels_and_no_exchanges() {
    let site = Site::with(&[("health", &PROBED.replace("http", "websocket"))]).await;
    let probes = || {
        let snapshot = site.proxy.running.proxy().snapshot();
        snapshot.endpoints().map(|it| it.health_counts()).map(|it| it.probes_passed + it.probes_failed).sum::<u64>()
    };
    until("some probes are over", || probes() >= 4).await;
    assert_eq!((site.proxy.open(), site.proxy.leases()), (0, 0));
}
