//! Which of several routes takes a request.

use super::in_front_of;
use crate::rig::{Config, Endpoint, Proxy};

/// A route that answers with its own name.
fn named(config: Config, name: &str, keys: &[(&str, &str)]) -> Config {
    let respond = format!("{{ status = 200, body = \"{name}\" }}");
    keys.iter().fold(config.with(&format!("route.{name}.respond"), &respond), |config, (key, value)| {
        config.with(&format!("route.{name}.{key}"), value)
    })
}

#[tokio::test]
async fn who_asks_more_of_a_request_takes_it_whatever_the_order() {
    let endpoint = Endpoint::listen().await;
    let mut config = in_front_of(&endpoint).without("route.chat");
    for (name, keys) in [
        ("a-any", &[][..]),
        ("b-query", &[("match_query", "{ v = \"2\" }")]),
        ("c-header", &[("match_headers", "{ x-version = { prefix = \"2.\" } }")]),
        ("d-both", &[("match_headers", "{ x-version = { prefix = \"2.\" } }"), ("match_query", "{ v = \"2\" }")]),
        ("e-post", &[("methods", "[\"POST\"]")]),
        (
            "f-bare",
            &[
                ("match_headers", "{ x-version = { present = false } }"),
                ("match_query", "{ bare = { present = true } }"),
            ],
        ),
        ("z-path", &[("path", "\"/z\"")]),
    ] {
        config = named(config, name, keys);
    }
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    for (request, route) in [
        ("GET / HTTP/1.1\r\nHost: a", "a-any"),
        ("GET /?v=2 HTTP/1.1\r\nHost: a", "b-query"),
        ("GET /?v=1&v=2 HTTP/1.1\r\nHost: a", "a-any"),
        ("GET /?%76=%32 HTTP/1.1\r\nHost: a", "b-query"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-Version: 2.1", "c-header"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-Version: 1\r\nX-Version: 2.1", "a-any"),
        ("GET /?v=2 HTTP/1.1\r\nHost: a\r\nX-Version: 2.1", "d-both"),
        ("POST /?v=2 HTTP/1.1\r\nHost: a\r\nX-Version: 2.1\r\nContent-Length: 0", "e-post"),
        ("GET /?bare HTTP/1.1\r\nHost: a", "f-bare"),
        ("GET /?bare HTTP/1.1\r\nHost: a\r\nX-Version: 1", "a-any"),
        ("POST /z HTTP/1.1\r\nHost: a\r\nContent-Length: 0", "z-path"),
    ] {
        client.send(format!("{request}\r\n\r\n")).await;
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), body.as_str()), (200, route), "{request}");
    }
}

#[tokio::test]
async fn a_method_of_no_route_has_none() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&endpoint).with("route.chat.methods", "[\"GET\"]"));
    let mut client = proxy.connect().await;
    client.send("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (head, _) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!(head.status(), 404);
    drop(proxy.tunnel(&endpoint).await);
}
