//! What an endpoint answers, and what becomes of it.

use crate::rig::{ACCEPT, Config, Endpoint, Frame, Handshake, Head, Proxy, SWITCH, Wire, switch_with};

/// What the client reads when its endpoint answers so; what the endpoint reads after that, if anything.
async fn answered(handshake: &Handshake, answer: impl AsRef<[u8]>) -> (Head, String) {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(handshake.and(Frame::text("not for you").by_client())).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send(answer).await;
    let answer = client.answer().await;
    at_endpoint.is_gone().await;
    drop(client);
    proxy.is_empty().await;
    answer
}

#[tokio::test]
async fn a_101_that_was_not_asked_for_joins_nothing() {
    let offer = Handshake::new().with("sec-websocket-protocol", "chat").with("sec-websocket-extensions", "x-one");
    let wrong = [
        SWITCH.replace(ACCEPT, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        SWITCH.replace(ACCEPT, &ACCEPT.to_lowercase()),
        SWITCH.replace(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n"), ""),
        switch_with(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n")),
        SWITCH.replace("Upgrade: websocket", "Upgrade: h2c"),
        SWITCH.replace("Upgrade: websocket\r\n", ""),
        SWITCH.replace("Connection: Upgrade\r\n", ""),
        SWITCH.replace("HTTP/1.1", "HTTP/1.0"),
        switch_with("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        switch_with("Sec-WebSocket-Extensions: x-one;;\r\n"),
        switch_with("Sec-WebSocket-Protocol: soap\r\n"),
        switch_with("Sec-WebSocket-Protocol: CHAT\r\n"),
        switch_with("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n"),
    ];
    for answer in wrong {
        let (head, body) = answered(&offer, &answer).await;
        assert_eq!((head.status(), body.as_str()), (502, "502 the endpoint's answer made no sense\n"), "{answer}");
    }
}

#[tokio::test]
async fn an_extension_that_a_limit_took_out_of_the_offer_is_a_502_where_it_is_answered() {
    for answer in ["identity", "permessage-deflate, identity", "identity, permessage-deflate", "deflate-frame"] {
        let endpoint = Endpoint::listen().await;
        let config = Config::chat([endpoint.address()]).with("route.chat.websocket.max_inflated_message", "\"1MiB\"");
        let proxy = Proxy::serving(&config);
        let mut client = proxy.connect().await;
        let offer = Handshake::new().with("sec-websocket-extensions", "permessage-deflate, identity, deflate-frame");
        client.send(offer.bytes()).await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send(switch_with(&format!("Sec-WebSocket-Extensions: {answer}\r\n"))).await;
        assert_eq!(client.answer().await.0.status(), 502, "{answer}");
    }
}

#[tokio::test]
async fn nonsense_is_a_502() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}", "a".repeat(70_000));
    for nonsense in ["SSH-2.0-OpenSSH\r\n\r\n", "\0\0\0\0\r\n", "HTTP/1.1 99 x\r\n\r\n", "{}\r\n\r\n", &long] {
        let (head, _) = answered(&Handshake::new(), nonsense).await;
        assert_eq!(head.status(), 502, "{nonsense:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_leaves_without_an_answer_is_a_502() {
    for half in ["", "HTTP/1.1 101 Swit"] {
        let endpoint = Endpoint::listen().await;
        let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send(half).await;
        drop(at_endpoint);

        assert_eq!(client.answer().await.0.status(), 502, "{half:?}");

        drop(client);
        proxy.is_empty().await;
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_a_504_after_handshake_timeout() {
    for start in ["", "HTTP/1.1 101 Switching", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let endpoint = Endpoint::listen().await;
        let config = Config::chat([endpoint.address()])
            .with("upstream.chat.handshake_timeout", "\"100ms\"")
            .with("upstream.chat.response_timeout", "\"1h\"");
        let proxy = Proxy::serving(&config);
        let mut client = proxy.connect().await;
        client.send(Handshake::new().bytes()).await;
        let (mut at_endpoint, _) = endpoint.asked().await;
        at_endpoint.send(start).await;

        assert_eq!(client.answer().await.0.status(), 504, "{start:?}");

        assert_eq!(at_endpoint.rest().await, b"");
        drop(client);
        proxy.is_empty().await;
    }
}

/// Sends an upgrade that gets `answer`, and then another request on the same connection.
async fn passed_through(answer: &str) -> (Head, String) {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;
    at_endpoint.send(answer).await;
    drop(at_endpoint);
    let passed = client.answer().await;
    second_request_works(&mut client, &endpoint).await;
    drop(client);
    proxy.is_empty().await;
    passed
}

async fn second_request_works(client: &mut Wire, endpoint: &Endpoint) {
    client.send("GET /second HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.first_line(), "GET /second HTTP/1.1");
    at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond").await;
    assert_eq!(client.answer().await.1, "second");
}

#[tokio::test]
async fn any_other_answer_is_passed_on_and_the_connection_stays_http() {
    let lines = "content-length: 5\r\nwww-authenticate: Basic realm=\"x\"\r\nkeep-alive: timeout=5\r\n";
    for status in ["401 Unauthorized", "200 OK", "302 Found", "403 Forbidden", "426 Upgrade Required", "503 Busy"] {
        let (head, body) = passed_through(&format!("HTTP/1.1 {status}\r\n{lines}\r\nhello")).await;

        assert_eq!(head.status(), status.split(' ').next().unwrap().parse::<u16>().unwrap());
        assert_eq!(head.values("www-authenticate"), ["Basic realm=\"x\""]);
        assert_eq!(head.value("keep-alive"), None);
        assert_eq!(body, "hello");
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_passed_on_to_its_end() {
    let (head, body) = passed_through("HTTP/1.1 403 Forbidden\r\n\r\nuntil the end").await;
    assert_eq!((head.status(), body.as_str()), (403, "until the end"));

    let (_, body) = passed_through(
        "HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(body, "hello world");

    let (head, _) = passed_through("HTTP/1.0 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(head.status(), 403);
}

#[tokio::test]
async fn a_large_refusal_streams() {
    let body = "0123456789abcdef".repeat(64 * 1024);
    let (_, passed) =
        passed_through(&format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    assert!(passed == body);
}

#[tokio::test]
async fn interim_answers_pass_before_the_101() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;

    at_endpoint.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await;
    at_endpoint.send([SWITCH.as_bytes(), &Frame::text("hello").by_endpoint()].concat()).await;

    assert_eq!(client.head().await.text, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.frame().await, Frame::text("hello"));
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_read() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;

    for byte in [SWITCH.as_bytes(), &Frame::text("hello").by_endpoint()].concat() {
        at_endpoint.send([byte]).await;
        tokio::task::yield_now().await;
    }

    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.frame().await, Frame::text("hello"));
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_leaves_nothing() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, _) = endpoint.asked().await;

    drop(client);

    at_endpoint.is_gone().await;
    proxy.is_empty().await;
}
