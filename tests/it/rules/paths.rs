//! Endpoints that read another path than the client has asked for.

use super::{answer_to, in_front_of, read_of};
use crate::rig::{Endpoint, Handshake, Proxy, assert_carries};

#[tokio::test]
async fn a_prefix_is_taken_off_and_the_endpoint_is_told() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint).with("route.chat.path", "\"/api\"").with("route.chat.strip_prefix", "true");
    let proxy = Proxy::serving(&config);
    for (target, read) in [
        ("/api", "/"),
        ("/api?a=/api", "/?a=/api"),
        ("/api/", "/"),
        ("/api/x%2fy//z;a?b", "/x%2fy//z;a?b"),
        ("//api", ""),
        ("/api%2fx", ""),
        ("/%61pi/x", ""),
        ("http://chat.test/api/absolute", "/absolute"),
    ] {
        if read.is_empty() {
            let mut client = proxy.connect().await;
            assert_eq!(answer_to(&mut client, "chat.test", target).await.0.status(), 404, "{target}");
            continue;
        }
        let lines = format!("GET {target} HTTP/1.1\r\nHost: chat.test\r\nX-Forwarded-Prefix: /forged");
        let head = read_of(&proxy, &endpoint, &lines).await;
        assert_eq!(head.first_line(), format!("GET {read} HTTP/1.1"));
        assert_eq!(head.values("x-forwarded-prefix"), ["/api"]);
    }
    let (mut client, mut at_endpoint) = {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().request("GET /api/ws?x HTTP/1.1").bytes()).await;
        let (mut wire, head) = endpoint.asked().await;
        assert_eq!((head.first_line(), head.value("x-forwarded-prefix")), ("GET /ws?x HTTP/1.1", Some("/api")));
        wire.send(Handshake::grant(&head)).await;
        assert_eq!(client.head().await.status(), 101);
        (client, wire)
    };
    assert_carries(&mut client, &mut at_endpoint).await;
}

#[tokio::test]
async fn a_trusted_proxy_has_taken_something_off_before() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint)
        .with("route.chat.path", "\"/api\"")
        .with("route.chat.rewrite", "{ prefix = \"/v2\" }")
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let lines = "GET /api/x HTTP/1.1\r\nHost: a\r\nX-Forwarded-Prefix: /outer/";
    let head = read_of(&Proxy::serving(&config), &endpoint, lines).await;
    assert_eq!((head.first_line(), head.values("x-forwarded-prefix")), ("GET /v2/x HTTP/1.1", vec!["/outer/api"]));
}

#[tokio::test]
async fn an_expression_makes_a_path_or_the_request_is_refused() {
    let endpoint = Endpoint::listen().await;
    let rewrite = |regex: &str, to: &str| {
        Proxy::serving(
            &in_front_of(&endpoint).with("route.chat.rewrite", &format!("{{ regex = '{regex}', to = '{to}' }}")),
        )
    };
    let rooms = rewrite("^/old/([^/]*)/(.*)$", "/$2/$1");
    for (target, read) in [("/old/a/b/c?q", "/b/c/a?q"), ("/other", "/other"), ("/old/%2f/x", "/x/%2f")] {
        let head = read_of(&rooms, &endpoint, &format!("GET {target} HTTP/1.1\r\nHost: a")).await;
        assert_eq!(head.first_line(), format!("GET {read} HTTP/1.1"));
    }
    let cut = rewrite("^/cut(.*)$", "$1");
    let mut client = cut.connect().await;
    for _ in 0..2 {
        client.send("GET /cutx HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (head, body) = endpoint.is_untouched_until(client.answer()).await;
        assert_eq!((head.status(), body.as_str()), (400, "400 nothing can be asked for at this path\n"));
    }
    assert_eq!(cut.refusals("bad_rewrite"), 2);

    // Neither part of it was a dot segment.
    let joined = rewrite("^/j/([.a-z]*)/([.a-z]*)/", "/$1$2/");
    let mut client = joined.connect().await;
    client.send("GET /j/./a/ HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (mut wire, head) = endpoint.asked().await;
    assert_eq!(head.first_line(), "GET /.a/ HTTP/1.1");
    wire.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    client.head().await;
    client.send("GET /j/././secret HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (head, _) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!(head.status(), 400);
    assert_eq!(joined.refusals("dot_segments"), 1);
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_the_rule() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint).with("route.chat.path", "\"/public\"").with("route.chat.strip_prefix", "true");
    let proxy = Proxy::serving(
        &config.with("route.chat.rewrite", "{ prefix = \"/site\" }").with("route.chat.strip_prefix", "false"),
    );
    for target in [
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/..%2fadmin",
        "/public/..;/admin",
        "/public/.%2E;x/admin",
        "/public/x\\..\\..\\admin",
        "/public%2f..%2fadmin",
        "/public/%5c../admin",
        "/./public/x",
        "//public/../admin",
        "/PUBLIC/x",
        "/admin/../public",
    ] {
        let mut client = proxy.connect().await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let (head, _) = endpoint.is_untouched_until(client.answer()).await;
        assert!([400, 404].contains(&head.status()), "{target}: {head:?}");
    }
    for target in ["/public//admin", "/public/%252e%252e/admin", "/public/...", "/public/%2fadmin"] {
        let head = read_of(&proxy, &endpoint, &format!("GET {target} HTTP/1.1\r\nHost: a")).await;
        let rest = target.strip_prefix("/public").unwrap();
        assert_eq!(
            head.first_line(),
            format!("GET /site{rest} HTTP/1.1"),
            "all below the new prefix, and as it was sent"
        );
    }
}
