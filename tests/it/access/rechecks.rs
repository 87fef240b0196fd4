//! The server is asked again while a tunnel is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use windlass::process::unix_seconds;

use super::auth_server::{AuthServer, asking, says};
use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy, Wire, assert_carries, until};

/// A server that answers Ann with this status, and everybody else with 200; and a route that asks it five times a second.
pub(crate) async fn moody(endpoint: &Endpoint) -> (AuthServer, Arc<AtomicU16>, Config) {
    let mood = Arc::new(AtomicU16::new(200));
    let now = Arc::clone(&mood);
    let server = AuthServer::start(move |question| {
        let is_ann = question.headers.get("cookie").is_some_and(|cookie| cookie == "session=ann");
        says(if is_ann { now.load(Ordering::Relaxed) } else { 200 }, &[], "")
    })
    .await;
    let config = server.in_front_of(endpoint);
    let config = config.with("route.chat.authorize.recheck_every", "\"200ms\"");
    (server, mood, config.with("route.chat.authorize.recheck_grace", "\"20s\""))
}

pub(crate) async fn tunnel(proxy: &Proxy, endpoint: &Endpoint, cookie: &str) -> (Wire, Wire) {
    proxy.tunnel_with(&Handshake::new().with("cookie", cookie), endpoint).await
}

/// The Close that the client reads next.
async fn close(client: &mut Wire) -> (u16, String) {
    let frame = client.frame().await;
    let (code, reason) = frame.payload.split_at(2);
    (u16::from_be_bytes([code[0], code[1]]), String::from_utf8(reason.to_vec()).unwrap())
}

#[tokio::test]
async fn who_is_thrown_out_is_closed_on_every_tunnel_and_nobody_else_is() {
    let endpoint = Endpoint::listen().await;
    let (server, mood, config) = moody(&endpoint).await;
    let proxy = Proxy::serving(&config);
    let mut of_ann = [tunnel(&proxy, &endpoint, "session=ann").await, tunnel(&proxy, &endpoint, "session=ann").await];
    let (mut client, mut at_endpoint) = tunnel(&proxy, &endpoint, "session=bob").await;
    until("each credential was asked about again", || server.asked().len() >= 3 + 4).await;
    assert_carries(&mut of_ann[0].0, &mut of_ann[0].1).await;
    mood.store(403, Ordering::Relaxed);
    for (client, at_endpoint) in &mut of_ann {
        assert_eq!(close(client).await, (4403, "no longer permitted".into()));
        client.send(Frame::close(4403, "no longer permitted").by_client()).await;
        assert_eq!(close(at_endpoint).await.0, 1001);
    }
    assert_carries(&mut client, &mut at_endpoint).await;
    until("it is counted", || {
        proxy.count("tunnels_ended_total{route=\"chat\",outcome=\"recheck_refused\",by=\"windlass\",code=\"4xxx\"}")
            == 2
    })
    .await;
    assert_eq!(proxy.count("authorize_rechecks_total{result=\"denied\"}"), 1, "one question for both");
    assert_eq!(proxy.count("authorize_requests_total{result=\"granted\"}"), 3);
}

#[tokio::test]
async fn while_the_server_fails_tunnels_stay_for_a_while_and_end_then() {
    let endpoint = Endpoint::listen().await;
    let (_server, mood, config) = moody(&endpoint).await;
    let proxy = Proxy::serving(&config.with("route.chat.authorize.recheck_grace", "\"2500ms\""));
    let (mut client, mut at_endpoint) = tunnel(&proxy, &endpoint, "session=ann").await;
    mood.store(500, Ordering::Relaxed);
    until("it was asked twice", || proxy.count("authorize_rechecks_total{result=\"failed\"}") >= 2).await;
    assert_carries(&mut client, &mut at_endpoint).await;
    mood.store(200, Ordering::Relaxed);
    let granted = proxy.count("authorize_rechecks_total{result=\"granted\"}");
    until("it is well again", || proxy.count("authorize_rechecks_total{result=\"granted\"}") > granted).await;
    mood.store(502, Ordering::Relaxed);
    assert_eq!(close(&mut client).await, (4403, "no longer confirmed".into()));
}

#[tokio::test]
async fn a_tunnel_ends_with_the_permission_that_the_server_has_given_it() {
    let endpoint = Endpoint::listen().await;
    for again in ["\"off\"", "\"1min\""] {
        let until = (unix_seconds() + 3).to_string();
        let server = AuthServer::start(move |_| says(200, &[("x-auth-expires", until.as_str())], "")).await;
        let config = server.in_front_of(&endpoint).with("route.chat.authorize.expires_header", "\"x-auth-expires\"");
        let proxy = Proxy::serving(&config.with("route.chat.authorize.recheck_every", again));
        let (mut client, mut at_endpoint) = tunnel(&proxy, &endpoint, "session=ann").await;
        assert_carries(&mut client, &mut at_endpoint).await;
        assert_eq!(close(&mut client).await, (1008, "expired".into()));
    }
}

#[tokio::test]
async fn a_reload_without_the_server_asks_no_more_and_one_with_another_asks_that() {
    let endpoint = Endpoint::listen().await;
    let (server, mood, config) = moody(&endpoint).await;
    let (other, _, of_other) = moody(&endpoint).await;
    let mut proxy = Proxy::serving(&config);
    let (mut client, mut at_endpoint) = tunnel(&proxy, &endpoint, "session=ann").await;
    until("it was asked again", || server.asked().len() >= 2).await;
    proxy.reload(&of_other).unwrap();
    until("the other is asked", || other.asked().len() >= 2).await;
    mood.store(403, Ordering::Relaxed);
    proxy.reload(&of_other.without("route.chat.authorize")).unwrap();
    let asked = server.asked().len() + other.asked().len();
    assert_carries(&mut client, &mut at_endpoint).await;
    let (mut second, mut at_endpoint) = tunnel(&proxy, &endpoint, "session=ann").await;
    assert_carries(&mut second, &mut at_endpoint).await;
    assert!(server.asked().len() + other.asked().len() <= asked + 1, "one may have been under way");
}

#[tokio::test]
async fn a_reload_that_changes_nothing_of_it_goes_on() {
    let endpoint = Endpoint::listen().await;
    let (server, mood, config) = moody(&endpoint).await;
    let mut proxy = Proxy::serving(&config);
    let (mut client, _at_endpoint) = tunnel(&proxy, &endpoint, "session=ann").await;
    proxy.reload(&config.with("route.chat.websocket.idle_timeout", "\"1h\"")).unwrap();
    let asked = server.asked().len();
    until("it is asked all the same", || server.asked().len() > asked).await;
    mood.store(401, Ordering::Relaxed);
    assert_eq!(close(&mut client).await.0, 4403);
    assert!(server.connections() <= 2, "one of the worker, one of the task: {}", server.connections());
}

#[tokio::test]
async fn nobody_is_asked_about_tunnels_that_have_ended() {
    let endpoint = Endpoint::listen().await;
    let (server, _, config) = moody(&endpoint).await;
    let proxy = Proxy::serving(&config.with("route.chat.authorize.recheck_every", "\"1s\""));
    let (client, at_endpoint) = tunnel(&proxy, &endpoint, "session=ann").await;
    drop((client, at_endpoint));
    proxy.is_empty().await;
    let (mut client, mut at_endpoint) = tunnel(&proxy, &endpoint, "session=bob").await;
    until("bob is asked about", || server.asked().len() >= 4).await;
    assert_carries(&mut client, &mut at_endpoint).await;
    let of_ann = server.asked().iter().filter(|it| it.headers["cookie"] == "session=ann").count();
    assert_eq!(of_ann, 1);
}

/// Five hundred tunnels, each of its own credential: the server is asked no more often than it may be. (Five thousand are played in
/// virtual time, beside the code.)
#[tokio::test]
async fn hundreds_are_asked_about_within_the_budget() {
    const TUNNELS: usize = 500;
    let endpoint = Endpoint::listen().await;
    let server = AuthServer::start(|_| says(200, &[], "")).await;
    let config = server.in_front_of(&endpoint).with("route.chat.authorize.recheck_every", "\"1s\"");
    let proxy = Proxy::serving(&config.with("route.chat.authorize.recheck_per_second", "100"));
    let mut tunnels = Vec::new();
    for number in 0..TUNNELS {
        tunnels.push(tunnel(&proxy, &endpoint, &format!("session={number}")).await);
    }
    let count = || proxy.count("authorize_rechecks_total{result=\"granted\"}");
    let (begun, before) = (std::time::Instant::now(), count());
    until("each was asked about", || count() >= before + 600).await;
    let (took, asked) = (begun.elapsed().as_secs_f64(), f64::from(count() - before));
    assert!(asked / took <= 110.0, "{asked} in {took} s");
    assert!(asked / took >= 50.0, "{asked} in {took} s: the budget is there to be used");
    assert_eq!(proxy.open(), TUNNELS);
}

#[tokio::test]
async fn a_tunnel_stays_open_where_the_server_is_gone_for_good_only_as_long_as_it_may() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = asking(&format!("http://{}/", server.address()), &endpoint);
    let config = config.with("route.chat.authorize.recheck_every", "\"200ms\"");
    let proxy = Proxy::serving(&config.with("route.chat.authorize.recheck_grace", "\"1500ms\""));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_server, _) = server.asked().await;
    at_server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    let _at_endpoint = endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
    drop((at_server, server));
    assert_eq!(close(&mut client).await, (4403, "no longer confirmed".into()));
}
