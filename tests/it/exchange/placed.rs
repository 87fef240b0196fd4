//! Where exchanges go: routes, stickiness, the next endpoint if the first is down, and a stop.

use std::sync::atomic::{AtomicUsize, Ordering};

use windlass::session::Phase;

use super::in_front_of;
use crate::rig::{Endpoint, Proxy, ServingEndpoint};

/// How often an endpoint was asked in `a_request_is_read_by_three_endpoints_at_the_most`.
static ASKED: AtomicUsize = AtomicUsize::new(0);

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn an_endpoint_that_is_down_is_not_noticed() {
    let endpoint = ServingEndpoint::named("up").await;
    let proxy = Proxy::serving(
        &in_front_of(&[Endpoint::nobody(), endpoint.address()]).with("upstream.chat.sticky_on", "[\"header:x-key\"]"),
    );
    let mut client = proxy.connect().await;
    // So many keys that some are meant for each of the two.
    for key in 0..20 {
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nx-key: {key}\r\nContent-Length: 2\r\n\r\nhi")).await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"));
        client.hears("up").await;
    }
}

#[tokio::test]
async fn an_endpoint_that_closes_at_once_is_not_noticed_either() {
    let (closing, endpoint) = (Endpoint::listen().await, ServingEndpoint::named("up").await);
    let proxy = Proxy::serving(
        &in_front_of(&[closing.address(), endpoint.address()]).with("upstream.chat.sticky_on", "[\"header:x-key\"]"),
    );
    tokio::spawn(async move {
        loop {
            drop(closing.accept().await);
        }
    });
    let mut client = proxy.connect().await;
    for key in 0..20 {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nx-key: {key}\r\n\r\n")).await;
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        client.hears("up").await;
    }
}

#[tokio::test]
async fn an_endpoint_that_loses_a_request_is_left_for_the_next_best() {
    for word in ["", "HTTP/1.1 2", "what?\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1"] {
        let (one, two) = (Endpoint::listen().await, Endpoint::listen().await);
        let proxy = Proxy::serving(&in_front_of(&[one.address(), two.address()]));
        let mut client = proxy.connect().await;
        client.send(GET).await;
        let (mut losing, other) = tokio::select! {
            stream = one.accept() => (stream, two),
            stream = two.accept() => (stream, one),
        };
        losing.head().await;
        losing.send(word).await;
        drop(losing);
        let (mut stream, _) = other.asked().await;
        stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 200 OK\r\n"), "{word:?}");
        client.hears("ok").await;
    }
}

#[tokio::test]
async fn a_request_is_read_by_three_endpoints_at_the_most() {
    let endpoints =
        [Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await, Endpoint::listen().await];
    let proxy = Proxy::serving(&in_front_of(&endpoints.each_ref().map(Endpoint::address)));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let losing = endpoints.iter().map(async |endpoint| {
        loop {
            drop(endpoint.asked().await);
            ASKED.fetch_add(1, Ordering::Relaxed);
        }
    });
    tokio::select! {
        _ = futures_util::future::join_all(losing) => unreachable!("each loses whatever it is asked"),
        head = client.head() => assert_eq!(head.status(), 502),
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn no_endpoint_at_all_is_a_502() {
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody(), Endpoint::nobody()]));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 502 "));
    client.hears("502 no endpoint could be reached\n").await;
}

#[tokio::test]
async fn no_route_is_a_404() {
    let proxy = Proxy::serving(&in_front_of(&[Endpoint::nobody()]).with("route.chat.path", "\"/app\""));
    let mut client = proxy.connect().await;
    client.send(GET).await;
    assert!(client.head().await.in_lower_case().starts_with("HTTP/1.1 404 "));
    client.hears("404 no route for this host and path\n").await;
}

#[tokio::test]
async fn a_path_that_may_lead_out_of_its_route_is_a_400() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&[endpoint.address()]);
    let (narrow, wide) =
        (Proxy::serving(&config.clone().with("route.chat.path", "\"/public\"")), Proxy::serving(&config));
    let passing = config.with("route.chat.path", "\"/public\"").with("route.chat.dot_segments", "\"pass\"");
    let passing = Proxy::serving(&passing);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for path in ["/public/../admin", "/public/%2e%2e/admin", "/public/..;/admin", "/public/x/..\\..\\admin"] {
        let target = format!("{path}?a=b");
        for lines in ["", upgrade] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            let mut client = narrow.connect().await;
            client.send(&request).await;
            let answer = client.drain().await;
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("a segment . or .."), "{path}: {answer}");
            for proxy in [&wide, &passing] {
                let mut client = proxy.connect().await;
                client.send(&request).await;
                let head = endpoint.accept().await.head().await.in_lower_case();
                assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
            }
        }
    }
    let mut client = narrow.connect().await;
    client.send("GET /public/a%2Fb/.well-known/c..d?e=../f HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = endpoint.accept().await.head().await.in_lower_case();
    assert!(head.starts_with("GET /public/a%2Fb/.well-known/c..d?e=../f HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_client_is_pinned_once_and_stays() {
    let endpoints = [ServingEndpoint::named("0").await, ServingEndpoint::named("1").await];
    let proxy = Proxy::serving(
        &in_front_of(&endpoints.each_ref().map(ServingEndpoint::address))
            .with("upstream.chat.pin_cookie", "\"wl\"")
            .with("upstream.chat.sticky_on", "[\"header:x-key\"]"),
    );
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nx-key: first\r\n\r\n").await;
    let head = client.head().await.in_lower_case();
    let placed = client.bytes(1).await;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie").to_owned();
    let (pair, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax");
    for key in 0..20 {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nx-key: {key}\r\nCookie: a=b; {pair}\r\n\r\n")).await;
        assert!(!client.head().await.in_lower_case().contains("set-cookie"));
        assert_eq!(client.bytes(1).await, placed);
    }
}

#[tokio::test]
async fn what_is_meant_for_one_connection_stays_on_it() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: x-hop\r\nx-hop: 1\r\nx-end: 2\r\nUpgrade: h2c\r\n\r\n").await;
    let mut stream = endpoint.accept().await;
    let head = stream.head().await.in_lower_case();
    assert!(head.contains("x-end: 2\r\n") && !head.contains("x-hop") && !head.contains("upgrade"), "{head}");
    stream.send("HTTP/1.1 299 Fine\r\nKeep-Alive: timeout=5\r\nx-end: 3\r\nContent-Length: 0\r\n\r\n").await;
    let head = client.head().await.in_lower_case();
    assert!(head.starts_with("HTTP/1.1 299 Fine\r\n") && head.contains("x-end: 3\r\n"), "{head}");
    assert!(!head.contains("keep-alive"), "{head}");
}

#[tokio::test]
async fn during_a_stop_what_is_in_flight_finishes_and_the_rest_says_goodbye() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&[endpoint.address()]));
    let (mut streaming, mut waiting, mut idle) = (proxy.connect().await, proxy.connect().await, proxy.connect().await);
    let mut stream = endpoint.accept_after(&mut idle, GET).await;
    stream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    idle.head().await;
    streaming.send(GET).await;
    stream.head().await;
    stream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    assert!(!streaming.head().await.in_lower_case().contains("connection"));
    let mut unanswered = endpoint.accept_after(&mut waiting, GET).await;

    proxy.running.proxy().enter(Phase::Draining);
    unanswered.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(waiting.head().await.in_lower_case().contains("connection: close\r\n"));
    assert_eq!(waiting.drain().await, "ok");
    proxy.running.proxy().enter(Phase::Closing);
    idle.is_gone().await;
    stream.send("1\r\nb\r\n0\r\n\r\n").await;
    assert_eq!(streaming.drain().await, "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_request_that_goes_round_in_circles_is_ended() {
    // What no check can see: something between the proxy and itself.
    let between = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::serving(&in_front_of(&[between.local_addr().unwrap()]));
    let again = proxy.address("public");
    tokio::spawn(async move {
        loop {
            let (mut here, _) = between.accept().await.unwrap();
            tokio::spawn(async move {
                let mut there = tokio::net::TcpStream::connect(again).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            });
        }
    });
    for headers in ["", "Connection: windlass-hops\r\n", "Windlass-Hops: none\r\n"] {
        let mut client = proxy.connect().await;
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
        let head = client.head().await.in_lower_case();
        assert!(head.starts_with("HTTP/1.1 508 Loop Detected\r\n"), "{head}");
    }
}
