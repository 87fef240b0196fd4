//! Bytes that come early, and what is said on a connection that is no WebSocket.

use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy, SWITCH, until};

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_not_lost() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;

    client.send(Handshake::new().and(Frame::text("from the client").by_client())).await;
    let mut at_endpoint = endpoint.grant_with(Frame::text("from the endpoint").by_endpoint()).await;

    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.frame().await, Frame::text("from the endpoint"));
    assert_eq!(at_endpoint.frame().await, Frame::text("from the client"));
}

#[tokio::test]
async fn frames_that_come_before_the_answer_reach_the_endpoint_only_after_it() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    let early = Frame::text(&"x".repeat(30_000)).by_client();
    client.send(Handshake::new().and(&early)).await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    client.send(Frame::text("later").by_client()).await;

    // A whole second tunnel later, still nothing but the head has come.
    let (_other, _at_other) = proxy.tunnel(&endpoint).await;
    at_endpoint.has_nothing();
    at_endpoint.send(Handshake::grant(&head)).await;

    assert_eq!(client.head().await.status(), 101);
    assert_eq!(at_endpoint.frame().await.payload.len(), 30_000);
    assert_eq!(at_endpoint.frame().await, Frame::text("later"));
}

#[tokio::test]
async fn many_frames_with_the_101_arrive_in_order() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let frames = |text: &str| (0..5_000).map(|number| Frame::text(&format!("{text} {number}"))).collect::<Vec<_>>();
    let early: Vec<_> = frames("early").iter().flat_map(Frame::by_endpoint).collect();

    let _at_endpoint = endpoint.grant_with(early).await;

    assert_eq!(client.head().await.status(), 101);
    for expected in frames("early") {
        assert_eq!(client.frame().await, expected);
    }
}

#[tokio::test]
async fn an_upgrade_behind_a_plain_request_waits_for_its_whole_answer() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    let body = "0123456789abcdef".repeat(256 * 1024);
    let first = b"GET /first HTTP/1.1\r\nhost: chat.test\r\n\r\n".to_vec();
    client.send([first, Handshake::new().and(Frame::text("early").by_client())].concat()).await;

    let (mut at_first, _) = endpoint.asked().await;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answering = tokio::spawn(async move {
        at_first.send(answer).await;
        at_first
    });
    let granting = async { endpoint.grant_with(Frame::text("hello").by_endpoint()).await };
    let (mut at_endpoint, (first, passed)) = tokio::join!(granting, client.answer());

    assert_eq!(first.status(), 200);
    assert!(passed == body, "the whole answer, and nothing else");
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.frame().await, Frame::text("hello"));
    assert_eq!(at_endpoint.frame().await, Frame::text("early"));
    drop(answering.await);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_the_first_answer_still_gets_its_101_later() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    let body = "x".repeat(8 << 20);
    client.send("GET /first HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_first, _) = endpoint.asked().await;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answering = tokio::spawn(async move { at_first.send(answer).await });
    // The head has come, so the rest of the answer is on its way and soon stuck; the upgrade queues behind it.
    let first = client.head().await;
    assert_eq!(first.status(), 200);
    client.send(Handshake::new().bytes()).await;

    let (mut at_endpoint, passed) = tokio::join!(endpoint.grant(), client.bytes(body.len()));

    assert_eq!(passed.len(), body.len());
    assert_eq!(client.head().await.status(), 101);
    at_endpoint.send(Frame::text("hello").by_endpoint()).await;
    assert_eq!(client.frame().await, Frame::text("hello"));
    answering.await.unwrap();
}

#[tokio::test]
async fn another_protocol_on_the_list_is_passed_as_bytes_and_keeps_its_half_close() {
    let endpoint = Endpoint::listen().await;
    let config = Config::chat([endpoint.address()]).with("route.chat.upgrade", "[\"websocket\", \"foo\"]");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: chat.test\r\nconnection: upgrade\r\nupgrade: FOO\r\n\r\nearly").await;
    let (mut at_endpoint, head) = endpoint.asked().await;
    assert_eq!(head.values("upgrade"), ["FOO"]);

    at_endpoint.send("HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\nsoon").await;

    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.bytes(4).await, b"soon");
    client.send(b"\xff\xff not a frame").await;
    client.finish().await;
    assert_eq!(at_endpoint.rest().await, b"early\xff\xff not a frame");
    at_endpoint.send("the answer to all of it").await;
    drop(at_endpoint);
    assert_eq!(client.rest().await, b"the answer to all of it");
    drop(client);
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_protocol_that_is_not_on_the_list_is_asked_for_in_vain() {
    for (connection, upgrade) in [("Upgrade, HTTP2-Settings", "h2c"), ("Upgrade", "foo"), ("upgrade", "h2c, tls/1.0")] {
        let endpoint = Endpoint::listen().await;
        let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
        let mut client = proxy.connect().await;
        let request = format!(
            "GET / HTTP/1.1\r\nhost: chat.test\r\nconnection: {connection}\r\nupgrade: {upgrade}\r\nhttp2-settings: AAMA\r\n\r\n"
        );
        client.send(request).await;
        let (mut at_endpoint, head) = endpoint.asked().await;
        for name in ["upgrade", "http2-settings"] {
            assert_eq!(head.value(name), None, "{}", head.text);
        }
        at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;

        assert_eq!(client.answer().await.1, "ok");
    }
}

#[tokio::test]
async fn a_101_to_a_plain_request_joins_nothing() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&Config::chat([endpoint.address()]));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n").await;
    let (mut at_endpoint, _) = endpoint.asked().await;

    at_endpoint.send(SWITCH).await;

    assert_eq!(client.answer().await.0.status(), 502);
    client.send("nobody reads this\r\n\r\n").await;
    at_endpoint.is_gone().await;
}

#[tokio::test]
async fn after_a_stop_began_new_upgrades_are_told_to_come_back() {
    let endpoint = Endpoint::listen().await;
    let config =
        Config::chat([endpoint.address()]).with("drain.stop.spread", "\"1ms\"").with("drain.stop.deadline", "\"10s\"");
    let mut proxy = Proxy::serving(&config);
    let mut early = proxy.connect().await;
    let (mut client, mut at_endpoint) = proxy.tunnel(&endpoint).await;

    let stopping = proxy.running.stop();
    let clients = async {
        assert_eq!(client.frame().await.close_code(), Some(1012));
        early.send(Handshake::new().bytes()).await;
        let (head, body) = early.answer().await;
        assert_eq!((head.status(), head.values("connection")), (503, vec!["close"]));
        let retry_after: u32 = head.value("retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&retry_after), "within what the stop still takes");
        assert_eq!(body, "503 going away, come back a little later\n");
        early.rest().await;
        client.send(Frame::close(1012, "").by_client()).await;
        assert_eq!(at_endpoint.frame().await.close_code(), Some(1001));
        at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
        drop(at_endpoint);
        client.rest().await;
    };
    let (stopped, ()) = tokio::join!(stopping, clients);

    assert_eq!((stopped.tunnels.tunnels, stopped.tunnels.cut, stopped.sessions_cut), (1, 0, 0));
    until("nothing is left", || proxy.open() == 0).await;
}
