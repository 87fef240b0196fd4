//! Another server says who may enter.

use http::request::Parts;

use super::auth_server::{AuthServer, asking, says};
use super::is_refused;
use crate::rig::{Endpoint, Handshake, Proxy, Wire, assert_carries, until};

const PLAIN: &str = "GET /chat/page?a=b HTTP/1.1\r\nHost: chat.test\r\nCookie: session=ann\r\nX-User: root\r\nX_User: root\r\n\
     X-Auth-Level: 9\r\nConnection: x-user, keep-alive\r\nTrailer: x-user\r\n\r\n";

fn cookie_of(question: &Parts) -> &str {
    question.headers.get("cookie").map_or("", |cookie| cookie.to_str().unwrap())
}

/// Knows Ann.
async fn server() -> AuthServer {
    AuthServer::start(|question| match cookie_of(question) {
        "session=ann" => says(202, &[("x-user", "ann"), ("x-secret", "1"), ("set-cookie", "session=fresh")], ""),
        "session=old" => says(302, &[("location", "https://login.test/?rd=x"), ("set-cookie", "csrf=1")], "go there"),
        "session=bob" => says(403, &[("content-type", "text/html")], "<p>not you</p>"),
        _ => says(401, &[("www-authenticate", "Bearer"), ("connection", "x-own"), ("x-own", "1")], "log in"),
    })
    .await
}

#[tokio::test]
async fn who_is_let_in_reaches_the_endpoint_with_what_the_server_says_of_it() {
    let (endpoint, server) = (Endpoint::listen().await, server().await);
    let config = server.in_front_of(&endpoint).with("route.chat.authorize.take", r#"["x-user", "x-auth-*"]"#);
    let config = config.with("listener.public.underscore_headers", "\"pass\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(PLAIN).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.values("x-user"), ["ann"], "{head:?}");
    for absent in ["x_user", "x-auth-level", "x-secret", "trailer"] {
        assert_eq!(head.values(absent), Vec::<&str>::new(), "{head:?}");
    }
    at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: own=1\r\n\r\nok").await;
    let (head, body) = client.answer().await;
    assert_eq!((head.values("set-cookie"), body.as_str()), (vec!["own=1", "session=fresh"], "ok"));
    let asked = server.asked();
    let [question] = &asked[..] else { panic!("{asked:?}") };
    let said = |name: &str| question.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!((question.method.as_str(), question.uri.path()), ("GET", "/auth"));
    for (name, value) in [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "chat.test"),
        ("x-forwarded-uri", "/chat/page?a=b"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-original-url", "http://chat.test/chat/page?a=b"),
        ("x-original-uri", "/chat/page?a=b"),
        ("x-original-method", "GET"),
        ("x-user", ""),
        ("upgrade", ""),
        ("content-length", ""),
    ] {
        assert_eq!(said(name), value, "{name}: {question:?}");
    }
}

#[tokio::test]
async fn a_tunnel_opens_once_the_server_has_said_yes() {
    let (endpoint, server) = (Endpoint::listen().await, server().await);
    let proxy = Proxy::serving(&server.in_front_of(&endpoint).with("route.chat.authorize.take", r#"["x-user"]"#));
    let handshake = Handshake::new().with("cookie", "session=ann").with("x-user", "root");
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.values("x-user"), ["ann"], "{head:?}");
    at_endpoint.send(Handshake::grant(&head)).await;
    let head = client.head().await;
    assert_eq!((head.status(), head.values("set-cookie")), (101, vec!["session=fresh"]));
    assert_carries(&mut client, &mut at_endpoint).await;
    let open = proxy.running.proxy().registry.tunnels(|_| true);
    assert!(open[0].permit().unwrap().permission().says("x-user", "ann"), "it is known whose tunnel that is");
}

/// An answer that is the server's own.
async fn passes(proxy: &Proxy, endpoint: &Endpoint, cookie: &str, expected: (u16, &[(&str, &str)], &str)) {
    let plain = format!("GET /chat HTTP/1.1\r\nHost: chat.test\r\nCookie: {cookie}\r\n\r\n");
    let before = proxy.refusals("authorize_denied");
    for request in [plain.into_bytes(), Handshake::new().with("cookie", cookie).bytes()] {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (head, body) = endpoint.is_untouched_until(client.answer()).await;
        assert_eq!((head.status(), body.as_str()), (expected.0, expected.2), "{head:?}");
        for (name, value) in expected.1 {
            assert_eq!(head.values(name), if value.is_empty() { vec![] } else { vec![*value] }, "{head:?}");
        }
    }
    assert_eq!(proxy.refusals("authorize_denied"), before + 2);
}

#[tokio::test]
async fn who_is_not_let_in_reads_what_the_server_says() {
    let (endpoint, server) = (Endpoint::listen().await, server().await);
    let proxy = Proxy::serving(&server.in_front_of(&endpoint));
    let login: &[_] = &[("location", "https://login.test/?rd=x"), ("set-cookie", "csrf=1")];
    passes(&proxy, &endpoint, "session=old", (302, login, "go there")).await;
    passes(&proxy, &endpoint, "session=bob", (403, &[("content-type", "text/html")], "<p>not you</p>")).await;
    let unknown: &[_] = &[("www-authenticate", "Bearer"), ("x-own", "")];
    passes(&proxy, &endpoint, "session=eve", (401, unknown, "log in")).await;
    assert!(server.asked().iter().all(|question| question.uri.path() == "/auth"), "no redirect is followed");
}

#[tokio::test]
async fn anything_else_refuses() {
    let endpoint = Endpoint::listen().await;
    for status in [200, 204, 304, 400, 404, 429, 500, 503] {
        let server = AuthServer::start(move |_| says(status, &[("x-auth-expires", "soon")], "")).await;
        let config = server.in_front_of(&endpoint).with("route.chat.authorize.expires_header", "\"x-auth-expires\"");
        let proxy = Proxy::serving(&config);
        is_refused(&proxy, &endpoint, Handshake::new().bytes(), (503, "authorize_failed")).await;
    }
    let proxy = Proxy::serving(&asking(&format!("http://{}/", Endpoint::nobody()), &endpoint));
    is_refused(&proxy, &endpoint, Handshake::new().bytes(), (503, "authorize_failed")).await;
}

#[tokio::test]
async fn connections_with_the_server_are_used_again() {
    let (endpoint, server) = (Endpoint::listen().await, server().await);
    let proxy = Proxy::serving(&server.in_front_of(&endpoint));
    let mut client = proxy.connect().await;
    for _ in 0..10 {
        client.send("GET /chat HTTP/1.1\r\nHost: chat.test\r\n\r\n").await;
        assert_eq!(client.answer().await.0.status(), 401);
    }
    assert_eq!((server.asked().len(), server.connections()), (10, 1));
}

#[tokio::test]
async fn the_question_may_be_a_head_request_with_other_headers() {
    let (endpoint, server) = (Endpoint::listen().await, AuthServer::start(|_| says(403, &[], "")).await);
    let config = server.in_front_of(&endpoint).with("route.chat.authorize.method", "\"HEAD\"");
    let proxy = Proxy::serving(&config.with("route.chat.authorize.send", r#"["x-key"]"#));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: chat.test\r\nX-Key: 1\r\nCookie: a=b\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 403);
    let asked = server.asked();
    assert_eq!(asked[0].method, "HEAD");
    assert_eq!((asked[0].headers["x-key"].to_str().unwrap(), asked[0].headers.get("cookie")), ("1", None));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_question() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let proxy = Proxy::serving(&asking(&format!("http://{}/", server.address()), &endpoint));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_server, _) = server.asked().await;
    drop(client);
    at_server.is_gone().await;
    until("nobody is there", || proxy.running.proxy().open_places() == 0).await;
}

#[tokio::test]
async fn so_many_are_asked_at_once_and_wait_and_more_are_refused() {
    let (endpoint, server) = (Endpoint::listen().await, Endpoint::listen().await);
    let config = asking(&format!("http://{}/", server.address()), &endpoint);
    let proxy = Proxy::serving(&config.with("route.chat.authorize.at_once", "1"));
    let mut clients = Vec::new();
    for _ in 0..17 {
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        clients.push(client);
    }
    let (mut at_server, _) = server.asked().await;
    let asked = || proxy.running.proxy().snapshot().auth_servers().next().unwrap().places.available_permits();
    until("each has its place", || asked() == 0).await;
    is_refused(&proxy, &endpoint, Handshake::new().bytes(), (503, "authorize_failed")).await;
    for number in 0..17 {
        if number > 0 {
            at_server.head().await;
        }
        at_server.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    }
    for client in &mut clients {
        assert_eq!(client.answer().await.0.status(), 403);
    }
}

#[tokio::test]
async fn a_server_at_a_unix_socket_is_asked_too() {
    let (endpoint, folder) = (Endpoint::listen().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("auth.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let proxy = Proxy::serving(&asking(&format!("unix:{}:/verify?x", path.display()), &endpoint));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let mut server = Wire::new(listener.accept().await.unwrap().0);
    let head = server.head().await;
    assert_eq!((head.first_line(), head.value("host")), ("GET /verify?x HTTP/1.1", Some("localhost")));
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
}
