//! Heads that are changed on their way.

use super::{answer_to, in_front_of, read_of, without_endpoint};
use crate::rig::{Endpoint, Handshake, Proxy, assert_carries};

const CHANGES: &str = r#"{ remove = ["x-secret", "accept"], set = { x-forwarded-for = "{client_ip}", x-as = "{method} {path} {scheme} {{}}", x-user = "{header:x-user}", x-none = "{header:x-none}" }, add = { x-via = "{route}@{host}" } }"#;

#[tokio::test]
async fn the_endpoint_reads_what_the_operator_says_last() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint)
        .with("route.chat.request_headers", CHANGES)
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]");
    let proxy = Proxy::serving(&config);
    let lines = "GET /a?b HTTP/1.1\r\nHost: chat.test:81\r\nX-Secret: 1\r\nX-User: alice\r\nX-User: bob\r\nX-Via: lb\r\n\
        X-Secret: 2\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.7\r\nX-None: \r\nX-Stays: 1";
    let head = read_of(&proxy, &endpoint, lines).await;
    for (name, values) in [
        ("x-secret", vec![]),
        ("accept", vec![]),
        ("x-forwarded-for", vec!["192.0.2.7"]),
        ("x-as", vec!["GET /a http {}"]),
        ("x-user", vec!["alice"]),
        ("x-none", vec![""]),
        ("x-via", vec!["lb", "chat@chat.test:81"]),
        ("x-stays", vec!["1"]),
    ] {
        assert_eq!(head.values(name), values, "{name}: {head:?}");
    }
}

#[tokio::test]
async fn nothing_that_a_client_says_ends_a_line() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&endpoint).with("route.chat.request_headers", CHANGES));
    for said in ["a\tb", "é", "x: y", "%0d%0ax: y", "{client_ip}"] {
        let head = read_of(&proxy, &endpoint, &format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: {said}")).await;
        assert_eq!(head.values("x-user").len(), 1, "{head:?}");
        assert_eq!(head.values("x"), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn a_request_s_name_is_a_variable_where_it_has_one() {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint)
        .with("route.chat.request_id", "\"x-request-id\"")
        .with("route.chat.request_headers", "{ set = { x-trace = \"<{request_id}>\" } }");
    let head = read_of(&Proxy::serving(&config), &endpoint, "GET / HTTP/1.1\r\nHost: a").await;
    assert_eq!(head.value("x-trace"), Some(&*format!("<{}>", head.value("x-request-id").unwrap())));
}

#[tokio::test]
async fn a_client_reads_it_of_answers_and_of_tunnels() {
    let endpoint = Endpoint::listen().await;
    let changes =
        r#"{ remove = ["server"], set = { x-frame-options = "DENY" }, add = { set-cookie = "seen={client_ip}" } }"#;
    let proxy = Proxy::serving(&in_front_of(&endpoint).with("route.chat.response_headers", changes));
    let mut client = proxy.connect().await;
    let mut wire = endpoint.accept_after(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    wire.send("HTTP/1.1 200 OK\r\nServer: x\r\nX-Frame-Options: no\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let (head, body) = client.answer().await;
    assert_eq!((head.values("server"), head.values("x-frame-options"), body.as_str()), (vec![], vec!["DENY"], "ok"));
    assert_eq!(head.values("set-cookie"), ["a=b", "seen=127.0.0.1"]);

    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut wire, asked) = endpoint.asked().await;
    let grant = Handshake::grant(&asked);
    let grant = grant.strip_suffix("\r\n").unwrap().to_owned() + "Server: x\r\nConnection: x-frame-options\r\n\r\n";
    wire.send(grant).await;
    let head = client.head().await;
    assert_eq!((head.status(), head.values("server"), head.values("x-frame-options")), (101, vec![], vec!["DENY"]));
    assert_eq!((head.values("connection"), head.values("upgrade")), (vec!["Upgrade"], vec!["websocket"]));
    assert_carries(&mut client, &mut wire).await;

    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut wire, _) = endpoint.asked().await;
    wire.send("HTTP/1.1 403 Forbidden\r\nServer: x\r\nContent-Length: 0\r\n\r\n").await;
    let (head, _) = client.answer().await;
    assert_eq!((head.status(), head.values("server"), head.values("x-frame-options")), (403, vec![], vec!["DENY"]));
}

#[tokio::test]
async fn a_client_reads_it_of_answers_of_the_route_s_own_and_of_no_refusal() {
    let config = without_endpoint("respond", "{ status = 200, body = \"x\" }")
        .with("route.own.response_headers", "{ set = { content-type = \"text/html\", x-a = \"{path}\" } }")
        .with("route.own.path", "\"/a\"");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let (head, _) = answer_to(&mut client, "a", "/a/b?c").await;
    assert_eq!((head.values("content-type"), head.values("x-a")), (vec!["text/html"], vec!["/a/b"]));
    let (head, _) = answer_to(&mut client, "a", "/a/../b").await;
    assert_eq!((head.status(), head.value("x-a")), (400, None));
}
