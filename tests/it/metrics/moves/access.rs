//! Metrics of who may enter, and for how much longer.

use std::sync::atomic::Ordering;

use crate::access::auth_server::{AuthServer, says};
use crate::access::key_server::{self, IssuerKey, KeyServer};
use crate::access::{rechecks, renewal};
use crate::metrics::scraped::{Scraped, until_at};
use crate::rig::{Config, Endpoint, Handshake, Program, Proxy, until};

/// One more of this result, and of nothing else.
fn one(result: &str) -> Vec<(String, f64)> {
    vec![(format!("{{result=\"{result}\"}}"), 1.0)]
}

#[tokio::test]
async fn metric_authorize_requests_moves_by_what_the_other_server_says() {
    const METRIC: &str = "windlass_authorize_requests_total";
    let (endpoint, silent) = (Endpoint::listen().await, Endpoint::listen().await);
    let server = AuthServer::start(|question| match question.headers["cookie"].to_str().unwrap() {
        "ann" => says(200, &[], ""),
        "bob" => says(403, &[], ""),
        _ => says(500, &[], ""),
    })
    .await;
    let config = server
        .in_front_of(&endpoint)
        .with("route.slow.path", "\"/slow\"")
        .with("route.slow.upstream", "\"chat\"")
        .with("route.slow.authorize.url", &format!("\"http://{}/\"", silent.address()))
        .with("route.slow.authorize.timeout", "\"100ms\"");
    let proxy = Proxy::serving(&config);
    for (who, path, status, result) in [
        ("bob", "/chat", 403, "denied"),
        ("eve", "/chat", 503, "failed"),
        ("ann", "/slow", 503, "timeout"),
        ("ann", "/chat", 101, "granted"),
    ] {
        let before = Scraped::counted(&proxy);
        let mut client = proxy.connect().await;
        client.send(Handshake::new().request(&format!("GET {path} HTTP/1.1")).with("cookie", who).bytes()).await;
        let _at_endpoint = if status == 101 { Some(endpoint.grant().await) } else { None };
        assert_eq!(client.head().await.status(), status, "{who}");
        until("it is counted", || Scraped::counted(&proxy).moved_since(&before, METRIC) == one(result)).await;
        assert_eq!(Scraped::counted(&proxy).moved_since(&before, "windlass_authorize_rechecks_total"), []);
    }
}

#[tokio::test]
async fn metric_authorize_rechecks_moves_by_what_the_other_server_says_of_an_open_tunnel() {
    const METRIC: &str = "windlass_authorize_rechecks_total";
    let endpoint = Endpoint::listen().await;
    let (_server, mood, config) = rechecks::moody(&endpoint).await;
    let proxy = Proxy::serving(&config);
    let nothing = Scraped::counted(&proxy);
    assert_eq!(nothing.moved_since(&Scraped::nothing(), METRIC), []);
    let (mut client, _at_endpoint) = rechecks::tunnel(&proxy, &endpoint, "session=ann").await;
    let at = |result: &str| Scraped::counted(&proxy).at(&format!("{METRIC}{{result=\"{result}\"}}"));
    until("it was asked again", || at("granted") >= 1.0).await;
    assert_eq!((at("denied"), at("failed")), (0.0, 0.0));
    mood.store(500, Ordering::Relaxed);
    until("it has failed", || at("failed") >= 1.0).await;
    assert_eq!(at("denied"), 0.0);
    mood.store(403, Ordering::Relaxed);
    assert_eq!(client.frame().await.close_code(), Some(4403));
    until("its end is counted", || at("denied") == 1.0).await;
    assert_eq!(at("timeout"), 0.0);
    let moved = Scraped::counted(&proxy).moved_since(&nothing, "windlass_authorize_requests_total");
    assert_eq!(moved, one("granted"), "that was when it opened");
}

#[tokio::test]
async fn metric_renewals_moves_by_what_came_of_it() {
    const METRIC: &str = "windlass_renewals_total";
    let site = renewal::Site::new().await;
    let opened = site.of_ada(600).await;
    let nothing = Scraped::counted(&site.proxy);
    site.renews(&renewal::of("ada", 600), &opened.name()).await;
    assert_eq!(Scraped::counted(&site.proxy).moved_since(&nothing, METRIC), one("renewed"));

    let before = Scraped::counted(&site.proxy);
    let named = format!("{}: {}", renewal::NAME, opened.name());
    site.refuses(&renewal::renewal(&renewal::of("bob", 600), &named), (403, "renewal_foreign")).await;
    let twice = vec![(r#"{result="renewal_foreign"}"#.to_owned(), 2.0)];
    assert_eq!(Scraped::counted(&site.proxy).moved_since(&before, METRIC), twice);
}

#[tokio::test]
async fn metric_keys_age_grows_while_their_server_is_ill_and_falls_when_it_answers() {
    const AGE: &str = r#"windlass_keys_age_seconds{route="chat"}"#;
    let key = IssuerKey::new("one");
    let good = || key_server::says(200, key_server::set(&[&key]));
    let issuer = KeyServer::saying(key_server::says(503, "")).await;
    let keys = format!("{{ keys = {:?}, keys_refresh = \"1s\" }}", issuer.url());
    let config = Config::chat([Endpoint::nobody()])
        .with("route.chat.jwt", &keys)
        .with("route.open.path", "\"/open\"")
        .with("route.open.upstream", "\"chat\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let fetches = |result: &str| format!("windlass_key_fetches_total{{route=\"chat\",result=\"{result}\"}}");
    until_at(&windlass, &fetches("failed"), |it| it >= 1.0).await;
    assert_eq!(Scraped::of(&windlass).await.find(AGE), None, "there are none yet");
    issuer.say(good());
    until_at(&windlass, AGE, |it| it < 2.0).await;
    assert!(Scraped::of(&windlass).await.at(&fetches("fetched")) >= 1.0);

    issuer.say(key_server::says(503, ""));
    let old = until_at(&windlass, AGE, |it| it >= 2.0).await;
    issuer.say(good());
    until_at(&windlass, AGE, |it| it < old).await;
    let of_open = r#"windlass_keys_age_seconds{route="open"}"#;
    assert_eq!(Scraped::of(&windlass).await.find(of_open), None, "a route without keys has no age of them");
}
