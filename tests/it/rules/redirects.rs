//! Clients that are sent elsewhere.

use super::{answer_to, without_endpoint};
use crate::rig::{Handshake, Proxy, log};

#[tokio::test]
async fn to_https_the_host_the_path_and_the_query_go_along() {
    let mut lines = log::lines();
    let proxy = Proxy::serving(&without_endpoint("redirect", "\"https\""));
    let mut client = proxy.connect().await;
    for (host, target, place) in [
        ("chat.test:8080", "/redirected?a=b", "https://chat.test/redirected?a=b"),
        ("chat.test", "//evil.test/%0d%0aSet-Cookie:a", "https://chat.test//evil.test/%0d%0aSet-Cookie:a"),
        ("[::1]:80", "/", "https://[::1]/"),
    ] {
        let (head, body) = answer_to(&mut client, host, target).await;
        assert_eq!((head.status(), head.value("location")), (308, Some(place)));
        assert_eq!(body, format!("308 {place}\n"));
    }
    let line = lines.about("/redirected").await;
    assert_eq!((&line["outcome"], &line["status"], &line["route"]), (&"answered".into(), &308.into(), &"own".into()));
    assert!(!line.to_string().contains("a=b"), "a query may be a secret: {line}");
}

#[tokio::test]
async fn a_handshake_is_sent_there_too_and_its_connection_goes_on() {
    let proxy = Proxy::serving(&without_endpoint("redirect", "{ host = \"b.test\", status = 307, query = \"drop\" }"));
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        client.send(Handshake::new().request("GET /ws?token=x HTTP/1.1").bytes()).await;
        let (head, _) = client.answer().await;
        assert_eq!((head.status(), head.value("location")), (307, Some("http://b.test/ws")));
    }
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(client.answer().await.0.status(), 307);
    client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!((head.status(), head.value("content-length")), (307, Some("20")), "{head:?}");
    assert_eq!(answer_to(&mut client, "a", "/y").await.0.value("location"), Some("http://b.test/y"));
}

#[tokio::test]
async fn who_names_no_host_is_sent_to_another_one_only() {
    for (redirect, status, place) in [("\"https\"", 400, None), ("{ host = \"b.test\" }", 308, Some("http://b.test/x"))]
    {
        let proxy = Proxy::serving(&without_endpoint("redirect", redirect));
        let mut client = proxy.connect().await;
        client.send("GET /x HTTP/1.0\r\n\r\n").await;
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), head.value("location")), (status, place), "{body}");
    }
}

#[tokio::test]
async fn a_prefix_is_replaced_where_the_route_matched_it() {
    let config = without_endpoint("redirect", "{ prefix = \"/new\", status = 302 }").with("route.own.path", "\"/old\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    for (target, place) in
        [("/old", "http://a:81/new"), ("/old/x?y", "http://a:81/new/x?y"), ("/old//", "http://a:81/new//")]
    {
        let (head, _) = answer_to(&mut client, "a:81", target).await;
        assert_eq!((head.status(), head.value("location")), (302, Some(place)));
    }
    assert_eq!(answer_to(&mut client, "a:81", "/older").await.0.status(), 404);
}

#[tokio::test]
async fn nobody_is_sent_to_where_he_has_just_asked() {
    let behind = without_endpoint("redirect", "\"https\"").with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(&behind);
    let mut client = proxy.connect().await;
    let by = |scheme: &str| format!("GET / HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-Proto: {scheme}\r\n\r\n");
    client.send(by("https")).await;
    let (head, body) = client.answer().await;
    assert_eq!(head.status(), 508, "a load balancer has taken the TLS off: {body}");
    assert_eq!(proxy.refusals("redirect_loop"), 1);
    for (said, status) in [("HTTPS", 508), ("https, http", 508), ("http", 308), ("http,https", 308), ("wss", 308)] {
        client.send(by(said)).await;
        assert_eq!(client.answer().await.0.status(), status, "{said}");
    }

    let proxy = Proxy::serving(&without_endpoint("redirect", "\"https\""));
    let mut client = proxy.connect().await;
    client.send(by("https")).await;
    assert_eq!(client.answer().await.0.status(), 308, "anybody may say that");
}
