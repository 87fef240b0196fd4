//! Which endpoint a client is placed on, and what happens when that cannot be reached.

use std::net::SocketAddr;

use std::collections::BTreeSet;

use windlass::balance::PinToken;
use windlass::snapshot::EndpointEvent;

use crate::rig::{Config, Endpoint, Full, Handshake, Proxy};

/// Upgrades in this way, and says which of the endpoints took it, and the head that the client read.
async fn placed(proxy: &Proxy, endpoints: &[&Endpoint], handshake: &Handshake) -> (usize, crate::rig::Head) {
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let grants: Vec<_> = endpoints.iter().map(|endpoint| Box::pin(endpoint.grant())).collect();
    let (_at_endpoint, index, _) = futures_util::future::select_all(grants).await;
    let head = client.head().await;
    assert_eq!(head.status(), 101);
    (index, head)
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_skipped_without_the_client_noticing() {
    let endpoint = Endpoint::listen().await;
    let addresses = [Endpoint::nobody(), endpoint.address(), Endpoint::nobody()];
    let proxy = Proxy::serving(&Config::chat(addresses).with("upstream.chat.sticky_on", "[\"header:x-user\"]"));

    for user in 0..20 {
        let handshake = Handshake::new().with("x-user", user.to_string());
        let (_client, _at_endpoint) = proxy.tunnel_with(&handshake, &endpoint).await;
    }

    proxy.is_empty().await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_skipped_after_connect_timeout() {
    let (full, endpoint) = (Full::listen(), Endpoint::listen().await);
    // Their names decide who is meant for which, and no port: of these users, four are meant for `a`, the first.
    let config = Config::chat([full.address(), endpoint.address()])
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("upstream.chat.connect_timeout", "\"100ms\"");
    let proxy = Proxy::serving(&config);

    for user in 0..6 {
        let handshake = Handshake::new().with("x-user", user.to_string());
        let (_client, _at_endpoint) = proxy.tunnel_with(&handshake, &endpoint).await;
    }

    let [hanging, open] = connect_failures(&proxy);
    assert!(hanging > 0, "nobody tried the endpoint that hangs");
    assert_eq!(open, 0);
}

/// How many connections with each of the two endpoints have failed.
fn connect_failures(proxy: &Proxy) -> [u64; 2] {
    let snapshot = proxy.running.proxy().snapshot();
    let upstream = snapshot.upstreams().values().next().unwrap();
    [0, 1].map(|index| upstream.endpoints()[index].connect_failures())
}

#[tokio::test]
async fn when_all_are_down_it_is_a_502_that_names_no_address() {
    let proxy = Proxy::serving(&Config::chat([Endpoint::nobody(), Endpoint::nobody()]));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;

    let (head, body) = client.answer().await;

    assert_eq!((head.status(), body.as_str()), (502, "502 no endpoint could be reached\n"));
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn when_all_hang_it_is_a_504() {
    let full = Full::listen();
    let config = Config::chat([full.address()]).with("upstream.chat.connect_timeout", "\"100ms\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;

    let (head, body) = client.answer().await;

    assert_eq!((head.status(), body.as_str()), (504, "504 no endpoint could be reached in time\n"));
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn the_same_key_finds_the_same_endpoint_from_every_proxy() {
    let (a, b, c) = (Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b, &c];
    let sources = [
        ("\"header:x-user\"", Handshake::with as fn(Handshake, &str, String) -> Handshake, "x-user", ""),
        ("\"cookie:user\"", Handshake::with, "cookie", "other=1; user="),
    ];
    for (source, with, name, before) in sources {
        let config =
            Config::chat(endpoints.map(Endpoint::address)).with("upstream.chat.sticky_on", &format!("[{source}]"));
        let (one, other) = (Proxy::serving(&config), Proxy::serving(&config));
        let mut used = BTreeSet::new();
        for user in 0..12 {
            let handshake = with(Handshake::new(), name, format!("{before}{user}"));
            let (first, _) = placed(&one, &endpoints, &handshake).await;
            let (again, _) = placed(&one, &endpoints, &handshake).await;
            let (elsewhere, _) = placed(&other, &endpoints, &handshake).await;
            assert_eq!((first, first), (again, elsewhere), "user {user} by {source}");
            used.insert(first);
        }
        assert!(used.len() > 1, "twelve users on one endpoint");
    }
}

#[tokio::test]
async fn query_and_believed_address_place_too() {
    let (a, b, c) = (Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b, &c];
    let config = Config::chat(endpoints.map(Endpoint::address))
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]")
        .with("upstream.chat.sticky_on", "[\"query:token\", \"client_ip\"]");
    let proxy = Proxy::serving(&config);
    let mut used = [BTreeSet::new(), BTreeSet::new()];
    for user in 0..12 {
        let by_query = Handshake::new().request(&format!("GET /chat?x=1&token={user} HTTP/1.1"));
        let by_address = Handshake::new().with("x-forwarded-for", format!("192.0.2.{user}"));
        for (handshake, used) in [by_query, by_address].iter().zip(&mut used) {
            let (first, _) = placed(&proxy, &endpoints, handshake).await;
            let (again, _) = placed(&proxy, &endpoints, handshake).await;
            assert_eq!(first, again, "{handshake:?}");
            used.insert(first);
        }
    }
    assert!(used.iter().all(|used| used.len() > 1), "{used:?}");
}

/// Clients are placed by `x-user`, and pinned by a cookie.
fn pinning(addresses: impl IntoIterator<Item = SocketAddr>) -> Config {
    Config::chat(addresses)
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("upstream.chat.pin_cookie", "\"pin\"")
}

#[tokio::test]
async fn a_pin_cookie_is_set_with_the_101_and_beats_the_hash() {
    let (a, b, c) = (Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b, &c];
    let config = pinning(endpoints.map(Endpoint::address));
    let proxy = Proxy::serving(&config);
    let (first, head) = placed(&proxy, &endpoints, &Handshake::new().with("x-user", "1")).await;
    let cookie = head.value("set-cookie").unwrap();
    assert!(cookie.starts_with("pin=") && cookie.contains("HttpOnly"), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();

    for user in 0..12 {
        let handshake = Handshake::new().with("x-user", user.to_string()).with("cookie", format!("a=b; {pair}"));
        let (index, head) = placed(&proxy, &endpoints, &handshake).await;
        assert_eq!(index, first);
        assert_eq!(head.value("set-cookie"), None, "it has it already");
    }
}

#[tokio::test]
async fn a_forged_pin_falls_back_to_the_hash_and_is_replaced() {
    let (a, b, c) = (Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b, &c];
    let config = pinning(endpoints.map(Endpoint::address));
    let proxy = Proxy::serving(&config);
    let honest = Handshake::new().with("x-user", "1");
    let (expected, _) = placed(&proxy, &endpoints, &honest).await;

    for forged in ["pin=", "pin=a", "pin=0000000000000000", "pin=127.0.0.1:80", "pin=%00; pin=\"\"", "Pin=x"] {
        let (index, head) = placed(&proxy, &endpoints, &honest.clone().with("cookie", forged)).await;
        assert_eq!(index, expected, "{forged}");
        assert_eq!(head.values("set-cookie").len(), 1, "{forged}");
    }
}

#[tokio::test]
async fn a_pin_of_another_upstream_is_no_pin() {
    let (a, b) = (Endpoint::listen().await, Endpoint::listen().await);
    let (chat, games) = ([a.address(), b.address()], [b.address(), a.address()]);
    let config = Config::chat(chat)
        .endpoints("games", games)
        .with("route.games.upstream", "\"games\"")
        .with("route.games.path", "\"/games\"")
        .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
        .with("upstream.games.sticky_on", "[\"header:x-user\"]")
        .with("upstream.chat.pin_cookie", "\"pin\"")
        .with("upstream.games.pin_cookie", "\"pin\"");
    let proxy = Proxy::serving(&config);
    for user in 0..8 {
        let at_chat = Handshake::new().with("x-user", user.to_string());
        let (_, head) = placed(&proxy, &[&a, &b], &at_chat).await;
        let pair = head.value("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let at_games = at_chat.clone().request("GET /games HTTP/1.1");
        let (expected, _) = placed(&proxy, &[&a, &b], &at_games).await;

        let (index, head) = placed(&proxy, &[&a, &b], &at_games.with("cookie", &pair)).await;

        assert_eq!(index, expected, "user {user} stands where the hash says");
        assert_eq!(head.values("set-cookie").len(), 1, "and is pinned there");
    }
}

#[tokio::test]
async fn a_pin_to_an_endpoint_that_is_down_falls_back_and_is_replaced() {
    let (a, b) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&pinning([a.address(), b.address()]));
    let (first, head) = placed(&proxy, &[&a, &b], &Handshake::new()).await;
    let pair = head.value("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let pinned = Handshake::new().with("cookie", &pair);
    let mut addresses = [a.address(), b.address()];
    addresses[first] = Endpoint::nobody();
    let proxy = Proxy::serving(&pinning(addresses));

    let (second, head) = placed(&proxy, &[&a, &b], &pinned).await;

    assert_eq!(second, 1 - first);
    let replaced = head.value("set-cookie").expect("the pin has moved");
    assert!(!replaced.starts_with(&pair), "{replaced}");
}

#[tokio::test]
async fn an_answer_that_is_no_101_carries_the_pin_too() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("upstream.chat.pin_cookie", "\"pin\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    for request in [Handshake::new().bytes(), b"GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n".to_vec()] {
        client.send(request).await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send("HTTP/1.1 401 x\r\ncontent-length: 0\r\nset-cookie: sid=1\r\n\r\n").await;
        let (head, _) = client.answer().await;
        assert_eq!(head.values("set-cookie").len(), 2, "{}", head.text);
    }
}

/// What is drained or taken back in a proxy.
fn endpoint_of(proxy: &Proxy, index: usize) -> std::sync::Arc<windlass::snapshot::Endpoint> {
    proxy.running.proxy().snapshot().upstreams()["chat"].endpoints()[index].clone()
}

/// The cookie that an answer sets, as its client sends it.
fn cookie_of(head: &crate::rig::Head) -> String {
    head.value("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned()
}

/// Sends a plain request, and says which of the endpoints it was asked of, and the head of its answer.
async fn asked(proxy: &Proxy, endpoints: &[&Endpoint], target: &str, cookie: &str) -> (usize, crate::rig::Head) {
    let mut client = proxy.connect().await;
    client.send(format!("GET {target} HTTP/1.1\r\nhost: chat.test\r\nx-user: 1\r\ncookie: {cookie}\r\n\r\n")).await;
    let asked: Vec<_> = endpoints.iter().map(|endpoint| Box::pin(endpoint.asked())).collect();
    let ((mut at_endpoint, _), index, _) = futures_util::future::select_all(asked).await;
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    (index, client.answer().await.0)
}

#[tokio::test]
async fn after_an_undrain_who_only_sheltered_elsewhere_goes_home_at_the_next_handshake() {
    let (a, b, c) = (Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b, &c];
    let config = pinning(endpoints.map(Endpoint::address));
    let proxy = Proxy::serving(&config);
    let newcomer = Handshake::new().with("x-user", "1");
    let (home, _) = placed(&proxy, &endpoints, &newcomer).await;
    endpoint_of(&proxy, home).transition(EndpointEvent::Drained);
    let (refuge, head) = placed(&proxy, &endpoints, &newcomer).await;
    assert_ne!(refuge, home);
    let cookie = cookie_of(&head);
    let sheltering = newcomer.clone().with("cookie", &cookie);

    let (index, head) = placed(&proxy, &endpoints, &sheltering).await;
    assert_eq!((index, head.value("set-cookie")), (refuge, None), "while its home drains it stays");

    assert!(endpoint_of(&proxy, home).transition(EndpointEvent::TakenBack).is_some());
    for target in ["/", "/?EIO=4&transport=polling&sid=x"] {
        let (index, head) = asked(&proxy, &endpoints, target, &cookie).await;
        assert_eq!((index, head.value("set-cookie")), (refuge, None), "{target} may belong to a session there");
    }
    let of_a_session = sheltering.clone().request("GET /?EIO=4&transport=websocket&sid=x HTTP/1.1");
    let (index, head) = placed(&proxy, &endpoints, &of_a_session).await;
    assert_eq!((index, head.value("set-cookie")), (refuge, None), "the session that it names is there");

    let (index, head) = asked(&proxy, &endpoints, "/?EIO=4&transport=polling", &cookie).await;
    assert_eq!(index, home, "a session of Engine.IO begins");
    let settled = cookie_of(&head);
    let (index, head) = placed(&proxy, &endpoints, &sheltering).await;
    assert_eq!((index, cookie_of(&head)), (home, settled.clone()), "a handshake begins a session");
    let (index, head) = placed(&proxy, &endpoints, &newcomer.with("cookie", &settled)).await;
    assert_eq!((index, head.value("set-cookie")), (home, None), "and there it stays");
}

#[tokio::test]
async fn a_pin_is_left_for_the_home_when_its_endpoint_drains_and_stays_there() {
    let (a, b) = (Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b];
    let config = pinning(endpoints.map(Endpoint::address));
    let proxy = Proxy::serving(&config);
    let newcomer = Handshake::new().with("x-user", "1");
    let (home, head) = placed(&proxy, &endpoints, &newcomer).await;
    let at_home = cookie_of(&head);
    let elsewhere = 1 - home;
    let pinned =
        newcomer.with("cookie", format!("pin={}", PinToken::of("chat", endpoint_of(&proxy, elsewhere).name.as_str())));
    assert_eq!(placed(&proxy, &endpoints, &pinned).await.0, elsewhere);
    endpoint_of(&proxy, elsewhere).transition(EndpointEvent::Drained);

    let (index, head) = placed(&proxy, &endpoints, &pinned).await;

    assert_eq!((index, cookie_of(&head)), (home, at_home));
}

#[tokio::test]
async fn a_home_that_cannot_be_reached_is_left_for_a_refuge_until_it_can() {
    let (a, b) = (Endpoint::listen().await, Endpoint::listen().await);
    let endpoints = [&a, &b];
    let config = |addresses: [SocketAddr; 2]| {
        Config::chat([])
            .named_endpoints("chat", ["a", "b"].into_iter().zip(addresses))
            .with("upstream.chat.sticky_on", "[\"header:x-user\"]")
            .with("upstream.chat.pin_cookie", "\"pin\"")
    };
    let mut addresses = endpoints.map(Endpoint::address);
    let whole = config(addresses);
    let newcomer = Handshake::new().with("x-user", "1");
    let (home, _) = placed(&Proxy::serving(&whole), &endpoints, &newcomer).await;
    addresses[home] = Endpoint::nobody();
    let proxy = Proxy::serving(&pinning(addresses));
    let (refuge, head) = placed(&proxy, &endpoints, &newcomer).await;
    let sheltering = newcomer.with("cookie", cookie_of(&head));

    let (again, head) = placed(&proxy, &endpoints, &sheltering).await;
    assert_eq!((refuge, again, head.value("set-cookie")), (1 - home, 1 - home, None));

    let (index, _) = placed(&Proxy::serving(&whole), &endpoints, &sheltering).await;
    assert_eq!(index, home);
}
