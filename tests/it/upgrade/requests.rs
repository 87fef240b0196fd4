//! What a client asks for, and what becomes of it on its way.

use crate::rig::{ACCEPT, Config, Endpoint, Frame, Handshake, Head, Proxy, switch_with};

/// The head that the endpoint reads of this request.
async fn forwarded(config: Config, endpoint: &Endpoint, handshake: Handshake) -> Head {
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let (_at_endpoint, head) = endpoint.asked().await;
    head
}

/// The answer to this request, which no endpoint hears of.
async fn refused(handshake: &Handshake) -> (Head, String) {
    refused_as(handshake, Config::chat).await
}

async fn refused_as(handshake: &Handshake, config: impl Fn([std::net::SocketAddr; 1]) -> Config) -> (Head, String) {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&config([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(handshake.bytes()).await;
    let answer = endpoint.is_untouched_until(client.answer()).await;
    drop(client);
    proxy.is_empty().await;
    answer
}

#[tokio::test]
async fn tokens_are_found_over_several_lines_and_in_any_case() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let handshake = Handshake::new()
        .without("connection")
        .without("upgrade")
        .with("Connection", "keep-alive , ,x-Private")
        .with("CONNECTION", "uPGRADE")
        .with("uPgrade", "h2c, foo/2")
        .with("Upgrade", "WEBsocket")
        .with("X-Private", "secret");

    let (mut client, mut at_endpoint) = proxy.tunnel_with(&handshake, &endpoint).await;

    client.send(Frame::text("joined").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("joined"));
}

#[tokio::test]
async fn a_missing_or_malformed_key_is_a_400() {
    let keys = [
        Handshake::new().without("sec-websocket-key"),
        Handshake::new().but("sec-websocket-key", ""),
        Handshake::new().but("sec-websocket-key", "short"),
        Handshake::new().but("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZTE="),
        Handshake::new().but("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ!!"),
        Handshake::new().with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for handshake in keys {
        let (head, body) = refused(&handshake).await;
        assert_eq!(head.status(), 400, "{handshake:?}");
        assert!(body.contains("Sec-WebSocket-Key"), "{body}");
    }
}

#[tokio::test]
async fn another_version_is_told_the_right_one() {
    for version in ["8", "013", "13, 8", ""] {
        let (head, _) = refused(&Handshake::new().but("sec-websocket-version", version)).await;
        assert_eq!(head.status(), 426, "{version}");
        assert_eq!(head.values("sec-websocket-version"), ["13"]);
    }
    let (head, _) = refused(&Handshake::new().without("sec-websocket-version")).await;
    assert_eq!(head.status(), 426);
}

#[tokio::test]
async fn what_two_parsers_may_read_in_two_ways_is_refused() {
    let unclean = [
        (400, Handshake::new().with("content-length", "5")),
        (400, Handshake::new().with("transfer-encoding", "chunked")),
        (400, Handshake::new().with("transfer-encoding", "gzip, chunked")),
        (400, Handshake::new().with("transfer-encoding", "chunked, chunked")),
        (400, Handshake::new().with("transfer-encoding", "identity")),
        (400, Handshake::new().with("transfer-encoding", "chunked").with("content-length", "3")),
        (400, Handshake::new().with("host", "chat.test")),
        (400, Handshake::new().with("host", "other.test")),
        (400, Handshake::new().without("host")),
        (400, Handshake::new().but("host", "a b")),
        (405, Handshake::new().request("CONNECT chat.test:80 HTTP/1.1")),
        (400, Handshake::new().request("GET http://other.test/chat HTTP/1.1")),
    ];
    for (status, handshake) in unclean {
        let (head, _) = refused(&handshake).await;
        assert_eq!(head.status(), status, "{handshake:?}");
    }
}

#[tokio::test]
async fn a_host_or_path_without_a_route_is_a_404_that_names_no_address() {
    let by_host = |addresses| Config::chat(addresses).with("route.chat.hosts", "[\"chat.test\", \"*.chat.test\"]");
    let (head, body) = refused_as(&Handshake::new().but("host", "other.test"), by_host).await;
    assert_eq!((head.status(), body.as_str()), (404, "404 no route for this host and path\n"));

    let by_path = |addresses| Config::chat(addresses).with("route.chat.path", "\"/chat\"");
    let (head, _) = refused_as(&Handshake::new().request("GET /chatter HTTP/1.1"), by_path).await;
    assert_eq!(head.status(), 404);
}

#[tokio::test]
async fn the_endpoint_reads_names_as_the_rfc_spells_them_and_values_untouched() {
    let endpoint = Endpoint::listen().await;
    let handshake = Handshake::new()
        .request("GET /chat/%7eroom?a=b&&c=%20 HTTP/1.1")
        .but("host", "Chat.Test:8080")
        .with("sec-websocket-protocol", "v2.chat, CHAT ,x")
        .with("sec-websocket-protocol", "soap")
        .with("sec-websocket-extensions", "permessage-deflate; client_max_window_bits;x=\"1\"")
        .with("sec-websocket-extensions", "x-unknown")
        .with("cookie", "a=b")
        .with("x-Custom", "kept");

    let head = forwarded(Config::chat([endpoint.address()]), &endpoint, handshake).await;

    assert_eq!(head.first_line(), "GET /chat/%7eroom?a=b&&c=%20 HTTP/1.1");
    for line in [
        "Host: Chat.Test:8080",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: v2.chat, CHAT ,x",
        "Sec-WebSocket-Protocol: soap",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits;x=\"1\"",
        "Sec-WebSocket-Extensions: x-unknown",
        "Cookie: a=b",
        "X-Custom: kept",
    ] {
        assert!(head.has(line), "{line} is missing in {}", head.text);
    }
}

#[tokio::test]
async fn where_inflated_messages_are_limited_only_what_can_be_measured_is_offered() {
    for direction in ["from_client", "from_upstream"] {
        let endpoint = Endpoint::listen().await;
        let config = Config::chat([endpoint.address()])
            .with("route.chat.websocket.max_inflated_message", &format!("{{ {direction} = \"1MiB\" }}"));
        let handshake = Handshake::new()
            .with("sec-websocket-extensions", "identity, permessage-deflate; client_max_window_bits, deflate-frame")
            .with("sec-websocket-extensions", "x-webkit-deflate-frame");

        let head = forwarded(config, &endpoint, handshake).await;

        let line = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
        assert!(head.has(line) && !head.text.contains("frame"), "{}", head.text);
    }
}

#[tokio::test]
async fn the_client_reads_names_as_the_rfc_spells_them_and_values_untouched() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    let offer = Handshake::new()
        .with("sec-websocket-protocol", "v2.chat, soap")
        .with("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");
    client.send(offer.bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    let lines = "sec-websocket-protocol: soap\r\nsec-websocket-extensions: permessage-deflate;client_max_window_bits=10\r\n\
                 connection: x-private, keep-alive\r\nx-private: 1\r\nkeep-alive: timeout=5\r\nset-cookie: a=b\r\n\
                 set-cookie: c=d\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n";
    let answer = switch_with(lines).replace("Sec-WebSocket-Accept", "sec-websocket-accept");

    at_endpoint.send(answer).await;
    let head = client.head().await;

    assert_eq!(head.first_line(), "HTTP/1.1 101 Switching Protocols");
    for line in [
        "Connection: Upgrade",
        "Upgrade: websocket",
        &format!("Sec-WebSocket-Accept: {ACCEPT}"),
        "Sec-WebSocket-Protocol: soap",
        "Sec-WebSocket-Extensions: permessage-deflate;client_max_window_bits=10",
        "Set-Cookie: a=b",
        "Set-Cookie: c=d",
    ] {
        assert!(head.has(line), "{line} is missing in {}", head.text);
    }
    for name in ["x-private", "keep-alive", "proxy-authenticate", "content-length", "transfer-encoding"] {
        assert_eq!(head.value(name), None, "{name} is for one hop, or nothing that a 101 has");
    }
    assert_eq!(head.values("connection"), ["Upgrade"]);
}

#[tokio::test]
async fn what_is_for_one_hop_stays_on_it() {
    let endpoint = Endpoint::listen().await;
    let handshake = Handshake::new()
        .but("connection", "upgrade, x-private")
        .with("connection", "X-Other")
        .with("x-private", "1")
        .with("x-other", "1")
        .with("keep-alive", "timeout=5")
        .with("proxy-connection", "keep-alive")
        .with("proxy-authorization", "Basic YQ==")
        .with("te", "trailers")
        .with("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA")
        .with("authorization", "Bearer x");

    let head = forwarded(Config::chat([endpoint.address()]), &endpoint, handshake).await;

    for name in
        ["x-private", "x-other", "keep-alive", "proxy-connection", "proxy-authorization", "te", "http2-settings"]
    {
        assert_eq!(head.value(name), None, "{}", head.text);
    }
    assert_eq!(head.values("connection"), ["Upgrade"]);
    assert_eq!(head.values("authorization"), ["Bearer x"]);
}

#[tokio::test]
async fn a_connection_header_cannot_take_away_what_endpoints_decide_by() {
    let endpoint = Endpoint::listen().await;
    let named = "upgrade, host, authorization, x-forwarded-for, sec-websocket-key, cookie";
    let handshake = Handshake::new().but("connection", named).with("authorization", "Bearer x").with("cookie", "a=b");

    let head = forwarded(Config::chat([endpoint.address()]), &endpoint, handshake).await;

    for name in ["host", "authorization", "x-forwarded-for", "sec-websocket-key", "cookie"] {
        assert_eq!(head.values(name).len(), 1, "{name} in {}", head.text);
    }
}

#[tokio::test]
async fn anybodys_word_about_the_client_is_replaced() {
    let endpoint = Endpoint::listen().await;
    let handshake = Handshake::new()
        .with("x-forwarded-for", "192.0.2.1")
        .with("x-forwarded-proto", "https")
        .with("x-forwarded-host", "evil.test")
        .with("forwarded", "for=192.0.2.1");

    let head = forwarded(Config::chat([endpoint.address()]), &endpoint, handshake).await;

    assert_eq!(head.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(head.values("x-forwarded-proto"), ["http"]);
    assert_eq!(head.values("x-forwarded-host"), ["chat.test"]);
    assert_eq!(head.value("forwarded"), None);
}

#[tokio::test]
async fn a_trusted_proxys_word_about_the_client_is_continued() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("listener.public.trusted_proxies", "[\"127.0.0.0/8\"]");
    let handshake = Handshake::new()
        .with("x-forwarded-for", "198.51.100.7")
        .with("x-forwarded-for", "192.0.2.1")
        .with("x-forwarded-proto", "https")
        .with("x-forwarded-host", "front.test");

    let head = forwarded(config, &endpoint, handshake).await;

    assert_eq!(head.values("x-forwarded-for"), ["198.51.100.7, 192.0.2.1, 127.0.0.1"]);
    assert_eq!(head.values("x-forwarded-proto"), ["https"]);
    assert_eq!(head.values("x-forwarded-host"), ["front.test"]);
}

#[tokio::test]
async fn half_a_head_is_given_up_after_head_timeout_and_holds_nobody_up() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("listener.public.head_timeout", "\"300ms\"");
    let proxy = Proxy::serving(&config);
    let mut slow = proxy.connect().await;
    let whole = Handshake::new().bytes();
    slow.send(&whole[..whole.len() - 2]).await;

    let (_client, _at_endpoint) = proxy.tunnel(&endpoint).await;

    slow.rest().await;
}
