//! Upgrades to other protocols than WebSocket, with versions and with bodies, and requests that only look like upgrades.

use crate::rig::{Config, Endpoint, Proxy};

const SWITCH: &str = "HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n";

/// A request as docker starts a command, with these lines and this body.
fn exec(lines: &str, body: &str) -> String {
    format!("POST /exec HTTP/1.1\r\nhost: chat.test\r\nconnection: Upgrade\r\nupgrade: tcp\r\n{lines}\r\n{body}")
}

async fn tcp() -> (Endpoint, Config) {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("route.chat.upgrade", "[\"websocket\", \"tcp\"]");
    (endpoint, config)
}

#[tokio::test]
async fn a_protocol_with_a_version_is_asked_for_as_the_client_spells_it() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("route.chat.upgrade", "[\"spdy/3.1\"]");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client
        .send("POST /exec HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: upgrade\r\nupgrade: SPDY/3.1\r\n\r\n")
        .await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.values("upgrade"), ["SPDY/3.1"]);
    assert_eq!(head.value("content-length"), None, "there is no body, and nothing to say of its length");

    at_endpoint.send("HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: SPDY/3.1\r\n\r\nsyn").await;

    let head = client.head().await;
    assert_eq!((head.status(), head.values("upgrade")), (101, vec!["SPDY/3.1"]));
    assert_eq!(client.bytes(3).await, b"syn");
}

#[tokio::test]
async fn another_version_than_the_listed_one_is_asked_for_in_vain() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("route.chat.upgrade", "[\"spdy/3.1\", \"irc\"]");
    let proxy = Proxy::serving(&config);
    for token in ["SPDY/3", "SPDY", "SPDY/3.10", "irc/6.9"] {
        let mut client = proxy.connect().await;
        client.send(format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: {token}\r\n\r\n")).await;
        let (_at_endpoint, head) = endpoint.asked().await;
        assert_eq!(head.value("upgrade"), None, "{token}");
    }
}

#[tokio::test]
async fn a_body_goes_before_the_new_protocol_piece_by_piece() {
    let (endpoint, config) = tcp().await;
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(exec("content-length: 6\r\nexpect: 100-continue\r\n", "one")).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!((head.value("content-length"), head.value("expect")), (Some("6"), None));
    assert_eq!(at_endpoint.bytes(3).await, b"one");
    client.send("twoearly").await;
    assert_eq!(at_endpoint.bytes(3).await, b"two");

    at_endpoint.send(format!("{SWITCH}soon")).await;

    assert_eq!(client.head().await.status(), 100, "the body was asked for");
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.bytes(4).await, b"soon");
    assert_eq!(at_endpoint.bytes(5).await, b"early");
    client.finish().await;
    drop(at_endpoint);
    client.rest().await;
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_body_larger_than_every_buffer_arrives_whole() {
    let (endpoint, config) = tcp().await;
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let body = "0123456789abcdef".repeat(512 * 1024);
    let request = exec(&format!("content-length: {}\r\n", body.len()), &body);
    let sending = tokio::spawn(async move {
        client.send_patiently(format!("{request}early")).await;
        client
    });
    let (mut at_endpoint, _) = endpoint.asked().await;

    let arrived = at_endpoint.bytes(body.len()).await;
    at_endpoint.send(SWITCH).await;

    assert!(arrived == body.as_bytes());
    let mut client = sending.await.unwrap();
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(at_endpoint.bytes(5).await, b"early");
}

#[tokio::test]
async fn a_101_in_the_middle_of_the_body_waits_for_its_end() {
    let (endpoint, config) = tcp().await;
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(exec("content-length: 6\r\n", "one")).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    assert_eq!(at_endpoint.bytes(3).await, b"one");
    at_endpoint.send(format!("{SWITCH}soon")).await;
    // A whole other exchange later, the client has still not heard of it.
    let mut other = proxy.connect().await;
    other.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (mut at_other, _) = endpoint.asked().await;
    at_other.send("HTTP/1.1 204 x\r\n\r\n").await;
    assert_eq!(other.head().await.status(), 204);
    client.has_nothing();

    client.send("two").await;

    assert_eq!(at_endpoint.bytes(3).await, b"two");
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.bytes(4).await, b"soon");
}

#[tokio::test]
async fn another_answer_in_the_middle_of_the_body_passes_at_once() {
    let (endpoint, config) = tcp().await;
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(exec("content-length: 6\r\n", "one")).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send("HTTP/1.1 404 x\r\ncontent-length: 7\r\n\r\nno such").await;

    let (head, body) = client.answer().await;

    assert_eq!((head.status(), body.as_str()), (404, "no such"));
    drop((client, at_endpoint));
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up_by_whose_fault_it_is() {
    let (endpoint, config) = tcp().await;
    let config =
        config.with("listener.public.body_timeout", "\"200ms\"").with("upstream.chat.body_timeout", "\"100ms\"");
    let proxy = Proxy::serving(&config);
    let mut silent = proxy.connect().await;
    silent.send(exec("content-length: 6\r\n", "one")).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    assert_eq!(silent.answer().await.0.status(), 408);
    at_endpoint.bytes(3).await;
    at_endpoint.is_gone().await;

    let mut pushing = proxy.connect().await;
    let body = "x".repeat(32 << 20);
    pushing.send(exec(&format!("content-length: {}\r\n", body.len()), "")).await;
    let (_reads_nothing, _) = endpoint.asked().await;
    let pushed = async {
        pushing.try_send(&body).await;
        pushing.answer().await.0.status()
    };
    assert_eq!(pushed.await, 504);
}

#[tokio::test]
async fn a_body_without_a_length_is_refused() {
    let (endpoint, config) = tcp().await;
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(exec("transfer-encoding: chunked\r\n", "0\r\n\r\n")).await;

    let (head, body) = endpoint.is_untouched_until(client.answer()).await;

    assert_eq!((head.status(), body.as_str()), (400, "400 the body of an upgrade needs a Content-Length\n"));
}

#[tokio::test]
async fn what_only_looks_like_a_websocket_is_a_plain_exchange() {
    const KEY: &str = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    for (method, lines, body) in [
        ("RDG_OUT_DATA", KEY, ""),
        ("POST", KEY, ""),
        ("GET", "", ""),
        ("POST", "content-length: 2\r\n", "hi"),
        ("POST", "transfer-encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"),
    ] {
        let mut client = proxy.connect().await;
        let request = format!(
            "{method} /page HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n{lines}\r\n{body}"
        );
        client.send(request).await;
        let (mut at_endpoint, head) = endpoint.asked().await;
        assert_eq!(head.first_line(), format!("{method} /page HTTP/1.1"));
        assert_eq!((head.value("upgrade"), head.value("connection")), (None, None), "{}", head.text);
        assert_eq!(at_endpoint.bytes(body.len()).await, body.as_bytes());
        at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nfallback").await;

        assert_eq!(client.answer().await.1, "fallback", "{request}", request = head.text);
    }
}
