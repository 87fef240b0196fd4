//! `forwarded_headers`: what endpoints read of a client, of whom anybody or a trusted proxy has said something.

use crate::rig::{Config, Endpoint, Head, Proxy};

/// What the endpoint reads of a request with these lines.
async fn asked(proxy: &Proxy, endpoint: &Endpoint, lines: &str) -> Head {
    let mut client = proxy.connect().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: chat.test:8080\r\n{lines}\r\n")).await;
    endpoint.asked().await.1
}

fn written(endpoint: &Endpoint, what: &str, trusted: &str) -> Config {
    Config::chat([endpoint.address()])
        .with("listener.public.forwarded_headers", &format!("\"{what}\""))
        .with("listener.public.trusted_proxies", trusted)
}

#[tokio::test]
async fn what_anybody_says_of_itself_is_replaced() {
    const SPOOFED: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
        X-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6;host=evil\r\nX_Forwarded_For: 6.6.6.6\r\n";
    let endpoint = Endpoint::listen().await;
    for (what, list, forwarded) in [("x-forwarded", true, false), ("forwarded", false, true), ("both", true, true)] {
        let proxy = Proxy::serving(&written(&endpoint, what, "[]"));
        let head = asked(&proxy, &endpoint, SPOOFED).await;
        assert!(!head.text.contains("6.6.6.6") && !head.text.contains("evil"), "{head:?}");
        let one = |name: &str, value: &str, is_there: bool| {
            let expected = if is_there { vec![value] } else { vec![] };
            assert_eq!(head.values(name), expected, "{what}: {head:?}");
        };
        one("x-forwarded-for", "127.0.0.1", list);
        one("x-forwarded-proto", "http", list);
        one("x-forwarded-host", "chat.test:8080", list);
        one("x-forwarded-port", "8080", list);
        one("forwarded", "for=127.0.0.1;proto=http;host=\"chat.test:8080\"", forwarded);
    }
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_believed_and_continued() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&written(&endpoint, "forwarded", "[\"127.0.0.1\"]"));
    let own = "for=127.0.0.1;proto=http;host=\"chat.test:8080\"";
    let head =
        asked(&proxy, &endpoint, "Forwarded: for=6.6.6.6\r\nForwarded: for=\"[2001:db8::1]:1\";proto=https\r\n").await;
    assert_eq!(head.values("forwarded"), [&format!("for=6.6.6.6, for=\"[2001:db8::1]:1\";proto=https, {own}")]);
    let head = asked(&proxy, &endpoint, "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n").await;
    assert_eq!(head.values("forwarded"), [&format!("for=1.1.1.1;proto=https, {own}")]);
    // A client's quote does not take in what is written behind it.
    let head = asked(&proxy, &endpoint, "Forwarded: for=\", for=1.1.1.1\r\n").await;
    assert_eq!(head.values("forwarded"), [&format!("for=unknown, {own}")]);
}
