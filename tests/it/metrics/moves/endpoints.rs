//! Metrics of endpoints: whether they are used, how they are, and what they lose.

use crate::health::probed::ProbedEndpoint;
use crate::health::retry_budget::{GET, losing};
use crate::health::site::PROBED;
use crate::metrics::scraped::{Scraped, has_moved, until_at};
use crate::metrics::{is_at, value};
use crate::rig::{Config, Endpoint, Handshake, Program, Proxy, until_async};

/// The endpoint `a` of the upstream `chat`.
const A: &str = r#"{upstream="chat",endpoint="a"}"#;

#[tokio::test]
async fn metric_endpoint_draining_is_up_from_a_drain_until_it_is_taken_back() {
    const METRIC: &str = "windlass_endpoint_draining";
    let two = [Endpoint::nobody(), Endpoint::nobody()];
    let windlass = Program::serving(&Config::chat(two).with("admin.listen", "\"ADMIN\"")).await;
    let before = Scraped::of(&windlass).await;
    assert_eq!(before.at(&format!("{METRIC}{A}")), 0.0);
    assert!(windlass.ask(&["drain", "endpoint/chat/a"]).await.status.success());
    has_moved(&windlass, &before, METRIC, &[(A, 1.0)]).await;
    assert!(windlass.ask(&["undrain", "chat/a"]).await.status.success());
    has_moved(&windlass, &before, METRIC, &[]).await;
}

#[tokio::test]
async fn metric_endpoint_connecting_seconds_moves_where_it_came_to_a_connection() {
    const CONNECTED: &str = "windlass_endpoint_connecting_seconds_count";
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()])
        .endpoints("gone", [Endpoint::nobody()])
        .with("route.gone.path", "\"/gone\"")
        .with("route.gone.upstream", "\"gone\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().request("GET /gone HTTP/1.1").bytes()).await;
    assert_eq!(client.answer().await.0.status(), 502);
    assert_eq!(value(&proxy, CONNECTED), 0.0);
    let _tunnel = proxy.tunnel(&endpoint).await;
    is_at(&proxy, CONNECTED, 1.0).await;
    assert!(value(&proxy, "windlass_endpoint_connecting_seconds_sum") > 0.0);
}

#[tokio::test]
async fn metric_endpoint_probes_moves_by_what_came_of_each() {
    let (a, b) = (ProbedEndpoint::start().await, ProbedEndpoint::start().await);
    let config =
        Config::chat([a.address(), b.address()]).with("upstream.chat.health", PROBED).with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let probes = |endpoint: &str, result: &str| {
        format!("windlass_endpoint_probes_total{{upstream=\"chat\",endpoint=\"{endpoint}\",result=\"{result}\"}}")
    };
    for endpoint in ["a", "b"] {
        until_at(&windlass, &probes(endpoint, "passed"), |it| it >= 1.0).await;
        assert_eq!(Scraped::of(&windlass).await.at(&probes(endpoint, "failed")), 0.0);
    }
    a.falls_ill();
    until_at(&windlass, &probes("a", "failed"), |it| it >= 1.0).await;
    let ill = Scraped::of(&windlass).await;
    until_at(&windlass, &probes("b", "passed"), |it| it > ill.at(&probes("b", "passed"))).await;
    let later = Scraped::of(&windlass).await;
    assert_eq!(later.at(&probes("b", "failed")), 0.0);
    assert_eq!(later.at(&probes("a", "passed")), ill.at(&probes("a", "passed")));
}

#[tokio::test]
async fn metric_endpoint_ejections_moves_by_the_endpoint_that_fails_alone() {
    const METRIC: &str = "windlass_endpoint_ejections_total";
    let (a, mut b) = (ProbedEndpoint::start().await, ProbedEndpoint::start().await);
    let config = Config::chat([a.address(), b.address()])
        .with("upstream.chat.policy", "\"round_robin\"")
        .with("upstream.chat.eject", "{ after = 2, first = \"1min\" }")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let before = Scraped::of(&windlass).await;
    assert_eq!(before.at(&format!("{METRIC}{A}")), 0.0);
    a.refuses_with(503);
    until_async("a is ejected", async || {
        let mut client = windlass.connect().await;
        client.send(Handshake::new().bytes()).await;
        let _at_b = b.grant().await;
        assert_eq!(client.head().await.status(), 101, "whoever failed there is served elsewhere");
        Scraped::of(&windlass).await.moved_since(&before, METRIC) == [(A.to_owned(), 1.0)]
    })
    .await;
    let state = r#"windlass_endpoint_state{upstream="chat",endpoint="a",state="ejected"}"#;
    assert_eq!(Scraped::of(&windlass).await.at(state), 1.0);
}

#[tokio::test]
async fn metrics_of_retries_move_by_those_that_were_granted_and_by_those_that_were_not() {
    let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = Config::chat([one.address(), two.address()])
        .with("upstream.chat.eject", "\"off\"")
        .with("upstream.chat.retry_budget", "{ share = \"10%\", at_least = 1 }")
        .endpoints("other", [Endpoint::nobody()])
        .with("route.other.path", "\"/other\"")
        .with("route.other.upstream", "\"other\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let before = Scraped::of(&windlass).await;
    let (_one, _two) = (losing(one), losing(two));
    let (mut asked, of_chat) = (0.0, r#"{upstream="chat"}"#);
    let ask = async || {
        let mut client = windlass.connect().await;
        client.send(GET).await;
        assert_eq!(client.head().await.status(), 502);
    };
    ask().await;
    has_moved(&windlass, &before, "windlass_retries_total", &[(of_chat, 1.0)]).await;
    has_moved(&windlass, &before, "windlass_retries_refused_total", &[]).await;
    until_async("the budget is used up", async || {
        ask().await;
        asked += 1.0;
        Scraped::of(&windlass).await.at(&format!("windlass_retries_refused_total{of_chat}")) > 0.0
    })
    .await;
    let now = Scraped::of(&windlass).await;
    let moved = |metric: &str| match &now.moved_since(&before, metric)[..] {
        [(labels, by)] if labels == of_chat => *by,
        other => panic!("{other:?}"),
    };
    assert_eq!(moved("windlass_retries_total") + moved("windlass_retries_refused_total"), 1.0 + asked);
}
